"""Which nodes a further attempt of a run has to run. Pure, from the run state alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Final

from heliograph.bus.events import RetryRequested
from heliograph.bus.payloads import Outcome, PlannedNode, SkipReason
from heliograph.bus.run_state import TEST_TYPES, RunState

POSITIVE: Final = frozenset({Outcome.SUCCESS, Outcome.WARN, Outcome.NO_OP})
"""Outcomes after which a node is not run again."""

_NOT_RUN: Final = frozenset({Outcome.SKIPPED, Outcome.CANCELLED})
_UNIT_TEST: Final = "unit_test"


def succeeded(state: RunState, unique_id: str) -> bool:
    """Whether the node ended well in an attempt that counts."""
    return _outcome(state, unique_id) in POSITIVE


def unfinished(state: RunState) -> frozenset[str] | None:
    """What a resumed run still has to run; None where no attempt that counts got as far as a plan: everything."""
    plan = planned(state)
    return None if plan is None else frozenset(uid for uid in plan if not succeeded(state, uid))


def requested(state: RunState, requests: Iterable[RetryRequested]) -> frozenset[str]:
    """The nodes and tests that the requests mean."""
    found: dict[str, None] = {}
    for request in requests:
        for unique_id in request.data.nodes:
            meant = tests_of(state, unique_id) if request.data.tests else (unique_id,)
            found.update(dict.fromkeys(one for one in meant if one not in request.data.except_tests))
    return frozenset(found)


def tests_of(state: RunState, unique_id: str) -> list[str]:
    """The planned tests of the node, over the attempts that count."""
    return list(
        dict.fromkeys(
            test for number in _counting(state) for test in state.attempts[number].tests_of.get(unique_id, ())
        )
    )


def retry_set(state: RunState, wanted: Collection[str]) -> frozenset[str] | None:
    """What one command runs to answer a request for ``wanted``; None where nothing was ever planned: everything.

    It runs these nodes, as far as they have not succeeded and nothing else holds them back, and what was not run
    because of them. A node whose own run failed is not among them unless it is wanted: its own task asks for it.
    """
    plan = planned(state)
    if plan is None:
        return None
    graph = _Graph(state, plan)
    taken: set[str] = set()
    for unique_id in graph.order:
        if succeeded(state, unique_id):
            continue
        if not graph.may_run(unique_id, taken):
            continue
        if unique_id in wanted or (_was_not_run(state, unique_id) and graph.follows(unique_id, taken)):
            taken.add(unique_id)
            graph.bring_unit_tests(unique_id, taken)
    return frozenset(taken & plan.keys())


def blockers(state: RunState, unique_ids: Iterable[str]) -> tuple[str, ...]:
    """The failed nodes for which these cannot run now, however they are asked for. Cheap: looks at parents only."""
    plan = planned(state) or {}
    found: dict[str, None] = {}
    for unique_id in unique_ids:
        node = plan.get(unique_id)
        if node is None or succeeded(state, unique_id):
            continue
        result = state.result(unique_id)
        causes = result.caused_by if result is not None else ()
        found.update(dict.fromkeys(one for one in (causes or node.depends_on) if _holds_back(state, plan, one, node)))
    return tuple(found)


def planned(state: RunState) -> dict[str, PlannedNode] | None:
    """What the attempts that count planned, a node by its newest plan; None where none planned anything."""
    plans = [state.attempts[number].plan for number in _counting(state) if state.attempts[number].planned is not None]
    return {unique_id: node for plan in plans for unique_id, node in plan.items()} if plans else None


def _holds_back(state: RunState, plan: Mapping[str, PlannedNode], unique_id: str, node: PlannedNode) -> bool:
    cause = plan.get(unique_id)
    if cause is None or _lets_pass(state, cause):
        return False
    # A node and its unit tests are run together: neither waits for the other.
    return not (cause.resource_type == _UNIT_TEST and node.unique_id in cause.depends_on)


def _counting(state: RunState) -> list[int]:
    return sorted(number for number in state.attempts if number >= state.counting_from)


def _outcome(state: RunState, unique_id: str) -> Outcome | None:
    result = state.result(unique_id)
    return result.outcome if result is not None else None


def _lets_pass(state: RunState, node: PlannedNode) -> bool:
    """Nothing after the node waits for it: it ended well, or a stale source is all that is wrong with it."""
    result = state.result(node.unique_id)
    left_out = result is not None and result.skip_reason is SkipReason.STALE_SOURCE
    return left_out or node.resource_type == "source" or succeeded(state, node.unique_id)


def _was_not_run(state: RunState, unique_id: str) -> bool:
    """What was left out for a stale source stays out: only a producer checks sources again."""
    result = state.result(unique_id)
    return result is None or (result.outcome in _NOT_RUN and result.skip_reason is not SkipReason.STALE_SOURCE)


class _Graph:
    """What has to be settled before what: the plan's edges, through inlined models, and the tests that gate.

    dbt runs the unit tests of a model before it, and holds a node back for a failed data test only where the node
    comes after every node the test tests (``Linker.add_test_edges`` in dbt/compilation.py).
    """

    def __init__(self, state: RunState, plan: Mapping[str, PlannedNode]) -> None:
        self._state = state
        self._nodes = dict(plan)
        for number in _counting(state):
            event = state.attempts[number].planned
            self._nodes.update((node.unique_id, node) for node in (event.data.inlined if event is not None else ()))
        self._unit_tests: dict[str, list[str]] = {}
        for node in self._nodes.values():
            if node.resource_type == _UNIT_TEST:
                for model in node.depends_on:
                    self._unit_tests.setdefault(model, []).append(node.unique_id)
        self._before = {unique_id: self._parents(node) for unique_id, node in self._nodes.items()}
        for test in self._failed_tests():
            for held_back in self._below_all(test.depends_on):
                self._before[held_back] = (*self._before[held_back], test.unique_id)
        order = {uid: (*before, *self._unit_tests.get(uid, ())) for uid, before in self._before.items()}
        self.order = list(TopologicalSorter(order).static_order())

    def may_run(self, unique_id: str, taken: Collection[str]) -> bool:
        """Everything before the node is built, or will be by the same command."""
        return all(
            one in taken
            or _lets_pass(self._state, self._nodes[one])
            or (self._nodes[one].materialized == "ephemeral" and self.may_run(one, taken))
            for one in self._before[unique_id]
        )

    def follows(self, unique_id: str, taken: Collection[str]) -> bool:
        """Something right before the node is run again."""
        return any(one in taken for one in (*self._before[unique_id], *self._unit_tests.get(unique_id, ())))

    def bring_unit_tests(self, unique_id: str, taken: set[str]) -> None:
        taken.update(test for test in self._unit_tests.get(unique_id, ()) if not succeeded(self._state, test))

    def _parents(self, node: PlannedNode) -> tuple[str, ...]:
        models = [parent for parent in dict.fromkeys(node.depends_on) if parent in self._nodes]
        if node.resource_type != _UNIT_TEST:
            return tuple(models)
        # A unit test needs what its model needs, not the model.
        return tuple(dict.fromkeys(one for model in models for one in self._parents(self._nodes[model])))

    def _failed_tests(self) -> list[PlannedNode]:
        return [
            node
            for node in self._nodes.values()
            if node.resource_type in TEST_TYPES
            and node.resource_type != _UNIT_TEST
            and node.depends_on
            and not _lets_pass(self._state, node)
        ]

    def _below_all(self, unique_ids: Iterable[str]) -> set[str]:
        """What comes after every one of these, tests aside: dbt lets no test wait for a test."""
        known = [unique_id for unique_id in unique_ids if unique_id in self._nodes]
        below = [set(self._descendants(unique_id)) for unique_id in known]
        return {
            unique_id
            for unique_id in (set.intersection(*below) if below else set())
            if self._nodes[unique_id].resource_type not in TEST_TYPES
        }

    def _descendants(self, unique_id: str) -> Iterator[str]:
        seen, waiting = {unique_id}, [unique_id]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
                    yield child

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for node in self._nodes.values():
            for parent in node.depends_on:
                found.setdefault(parent, []).append(node.unique_id)
        return found
