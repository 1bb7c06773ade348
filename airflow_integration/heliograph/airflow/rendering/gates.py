"""Whether what follows a node also waits for the tests of that node.

dbt holds a node back for a test of its ancestors only where every parent of the test is an ancestor of the node.
A ``relationships`` test between a node and one of its own descendants therefore holds back nothing in between; a task
graph that did would wait for the end of the run in the middle of it, and would mark nodes that dbt built as
``upstream_failed`` when that test fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from heliograph.airflow.dbt_project.nodes import DbtNode


class TestGates:
    """Answers, for the nodes of one plan, which edges run through a test task.

    Ancestors are kept as bit sets that hold only parents of tests with several parents, so that the cost grows with
    nodes and edges.
    """

    __test__ = False  # not a pytest class

    def __init__(self, ordered: Iterable[DbtNode], tests: Mapping[str, Sequence[DbtNode]]) -> None:
        """``ordered``: nodes, parents first. ``tests``: the tests of each node that has a test task."""
        self._bits: dict[str, int] = {}
        self._required = {unique_id: self._parents_of(attached) for unique_id, attached in tests.items()}
        self._ancestors: dict[str, int] = {}
        for node in ordered:
            bits = 0
            for parent in node.depends_on:
                bits |= self._bits.get(parent, 0) | self._ancestors.get(parent, 0)
            self._ancestors[node.unique_id] = bits

    def holds_back(self, parent: str, child: str) -> bool:
        """Whether dbt runs ``child`` only after all tests of ``parent``, one of its own parents."""
        return not self._required[parent] & ~self._ancestors[child]

    def _parents_of(self, tests: Sequence[DbtNode]) -> int:
        """The parents of those tests that have several."""
        bits = 0
        for test in tests:
            if len(test.depends_on) > 1:
                for parent in test.depends_on:
                    bits |= self._bits.setdefault(parent, 1 << len(self._bits))
        return bits
