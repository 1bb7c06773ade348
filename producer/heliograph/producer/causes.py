"""Which failed nodes made dbt skip another one. dbt does not tell: it follows from the plan's edges."""

from __future__ import annotations

from collections.abc import Mapping

from heliograph.bus.payloads import Outcome
from heliograph.producer.verdict import BAD, TEST_TYPES


class Causes:
    """Remembers what failed and finds the causes of a skip.

    ``dbt build`` skips what depends on a failed or skipped node, and what depends on all nodes that a failed test
    tests (``Linker.add_test_edges``); a failed unit test skips its own model (dbt/task/build.py).
    """

    def __init__(self, parents: Mapping[str, tuple[str, ...]]) -> None:
        self._parents = parents
        self._roots: dict[str, tuple[str, ...]] = {}
        self._failed_tests: dict[str, list[str]] = {}

    def note(self, unique_id: str, outcome: Outcome, *, resource_type: str, caused_by: tuple[str, ...] = ()) -> None:
        """Takes in how a node ended."""
        if outcome not in BAD:
            return
        self._roots[unique_id] = caused_by if outcome is Outcome.SKIPPED else (unique_id,)
        if resource_type in TEST_TYPES and outcome is not Outcome.SKIPPED:
            for tested in self._parents.get(unique_id, ()):
                self._failed_tests.setdefault(tested, []).append(unique_id)

    def of(self, unique_id: str) -> tuple[str, ...]:
        """The nodes whose failure made dbt skip this one, nearest first; empty where none is known."""
        parents = self._parents.get(unique_id, ())
        found = [root for parent in parents for root in self._roots.get(parent, ())]
        if self._failed_tests:
            upstream = {unique_id, *self._ancestors(unique_id)}
            tests = dict.fromkeys(test for node in upstream for test in self._failed_tests.get(node, ()))
            # A test stops only what depends on every node it tests.
            found += [test for test in tests if upstream.issuperset(self._parents.get(test, ()))]
        return tuple(dict.fromkeys(cause for cause in found if cause != unique_id))

    def _ancestors(self, unique_id: str) -> list[str]:
        seen: dict[str, None] = {}
        waiting = list(self._parents.get(unique_id, ()))
        while waiting:
            parent = waiting.pop()
            if parent not in seen:
                seen[parent] = None
                waiting.extend(self._parents.get(parent, ()))
        return list(seen)
