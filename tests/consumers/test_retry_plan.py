"""What a further attempt runs, given what earlier ones told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.bus.events import RunPlanned
from heliograph.bus.payloads import Outcome, PlannedNode, RunPlannedData, SkipReason
from heliograph.bus.run_state import RunState
from heliograph.consumers.retry_plan import POSITIVE, blockers, retry_set, succeeded, unfinished
from heliograph.consumers.retry_plan import tests_of as planned_tests
from run_events import Attempt, check, model

RAW = model("raw")
FLAKY = model("flaky", RAW.unique_id)
BELOW = model("below", FLAKY.unique_id)
FAR = model("far", BELOW.unique_id)
ASIDE = model("aside", RAW.unique_id)
FLAKY_TEST = check("not_null_flaky", FLAKY.unique_id)
SKIPPED = {"skip_reason": SkipReason.UPSTREAM_FAILED}


def state_of(
    nodes: list[PlannedNode], outcomes: dict[PlannedNode, Outcome | None], *, inlined: tuple[PlannedNode, ...] = ()
) -> RunState:
    """One attempt: success for what has no outcome here, no end at all for None."""
    attempt = Attempt()
    state = RunState(run=attempt.run)
    planned = attempt.planned(*nodes)
    assert isinstance(planned, RunPlanned)
    events = [
        attempt.started(),
        planned.model_copy(update={"data": RunPlannedData(nodes=tuple(nodes), inlined=inlined)}),
    ]
    for node in nodes:
        outcome = outcomes.get(node, Outcome.SUCCESS)
        if outcome is not None:
            events.append(attempt.node(node, outcome, **(SKIPPED if outcome is Outcome.SKIPPED else {})))
    for event in [*events, attempt.finished(1)]:
        state.apply(event)
    return state


def retried(state: RunState, *wanted: PlannedNode) -> set[str]:
    found = retry_set(state, {node.unique_id for node in wanted})
    assert found is not None
    return {unique_id.rsplit(".", 1)[-1] for unique_id in found}


def test_a_failed_node_comes_with_what_was_skipped_because_of_it_and_with_nothing_else() -> None:
    nodes = [RAW, FLAKY, FLAKY_TEST, BELOW, FAR, ASIDE]
    state = state_of(
        nodes,
        {FLAKY: Outcome.ERROR, FLAKY_TEST: Outcome.SKIPPED, BELOW: Outcome.SKIPPED, FAR: Outcome.SKIPPED},
    )
    assert retried(state, FLAKY) == {"flaky", "not_null_flaky", "below", "far"}


def test_what_has_another_failed_parent_is_left_until_that_one_is_asked_for() -> None:
    other = model("other")
    both = model("both", FLAKY.unique_id, other.unique_id)
    state = state_of([FLAKY, other, both], {FLAKY: Outcome.ERROR, other: Outcome.ERROR, both: Outcome.SKIPPED})
    assert retried(state, FLAKY) == {"flaky"}
    assert retried(state, FLAKY, other) == {"flaky", "other", "both"}


def test_a_node_whose_parent_failed_cannot_be_run_alone() -> None:
    state = state_of([FLAKY, BELOW], {FLAKY: Outcome.ERROR, BELOW: Outcome.SKIPPED})
    assert retried(state, BELOW) == set()
    assert blockers(state, [BELOW.unique_id]) == (FLAKY.unique_id,)
    assert blockers(state, [FLAKY.unique_id]) == ()


def test_a_descendant_that_failed_by_itself_waits_to_be_asked_for() -> None:
    state = state_of([FLAKY, ASIDE, BELOW], {FLAKY: Outcome.ERROR, BELOW: Outcome.ERROR})
    assert retried(state, FLAKY) == {"flaky"}


def test_a_retried_test_runs_alone_with_what_it_held_back() -> None:
    state = state_of([FLAKY, FLAKY_TEST, BELOW, ASIDE], {FLAKY_TEST: Outcome.FAIL, BELOW: Outcome.SKIPPED})
    assert retried(state, FLAKY_TEST) == {"not_null_flaky", "below"}


def test_a_failed_test_that_nobody_asks_for_goes_on_holding_back() -> None:
    late = model("late", BELOW.unique_id, ASIDE.unique_id)
    state = state_of(
        [RAW, FLAKY, FLAKY_TEST, BELOW, ASIDE, late],
        {FLAKY_TEST: Outcome.FAIL, BELOW: Outcome.SKIPPED, ASIDE: Outcome.ERROR, late: Outcome.SKIPPED},
    )
    assert retried(state, ASIDE) == {"aside"}


def test_a_test_of_two_nodes_holds_back_only_what_comes_after_both() -> None:
    relation = check("relation", FLAKY.unique_id, ASIDE.unique_id)
    after_both = model("after_both", FLAKY.unique_id, ASIDE.unique_id)
    state = state_of(
        [FLAKY, ASIDE, relation, BELOW, after_both],
        {FLAKY: Outcome.ERROR, relation: Outcome.SKIPPED, BELOW: Outcome.SKIPPED, after_both: Outcome.SKIPPED},
    )
    assert retried(state, FLAKY) == {"flaky", "relation", "below", "after_both"}
    failing = state_of(
        [FLAKY, ASIDE, relation, BELOW, after_both], {relation: Outcome.FAIL, after_both: Outcome.SKIPPED}
    )
    assert retried(failing, relation) == {"relation", "after_both"}


def test_a_model_skipped_for_its_unit_test_is_retried_with_it() -> None:
    unit = check("doubles", FLAKY.unique_id, resource_type="unit_test")
    state = state_of([RAW, FLAKY, unit, BELOW], {unit: Outcome.FAIL, FLAKY: Outcome.SKIPPED, BELOW: Outcome.SKIPPED})
    assert retried(state, FLAKY) == {"flaky", "doubles", "below"}
    assert retried(state, unit) == {"flaky", "doubles", "below"}


def test_edges_run_through_ephemeral_models() -> None:
    inlined = PlannedNode(
        unique_id="model.shop.inlined",
        resource_type="model",
        name="inlined",
        depends_on=(FLAKY.unique_id,),
        materialized="ephemeral",
    )
    user = model("user", inlined.unique_id)
    state = state_of([FLAKY, user], {FLAKY: Outcome.ERROR, user: Outcome.SKIPPED}, inlined=(inlined,))
    assert retried(state, FLAKY) == {"flaky", "user"}
    assert retried(state, user) == set()


def test_what_was_left_out_for_a_stale_source_stays_out() -> None:
    attempt = Attempt()
    state = RunState(run=attempt.run)
    for event in (
        attempt.started(),
        attempt.planned(FLAKY, BELOW),
        attempt.node(FLAKY, Outcome.ERROR),
        attempt.node(BELOW, Outcome.SKIPPED, skip_reason=SkipReason.STALE_SOURCE),
        attempt.finished(1),
    ):
        state.apply(event)
    assert retried(state, FLAKY) == {"flaky"}


def test_without_any_plan_everything_runs() -> None:
    state = RunState(run="shop/run-1")
    state.apply(Attempt().started())
    assert retry_set(state, {FLAKY.unique_id}) is None
    assert unfinished(state) is None


def test_a_resumed_run_runs_all_that_has_not_succeeded() -> None:
    state = state_of([RAW, FLAKY, BELOW, ASIDE], {FLAKY: Outcome.ERROR, BELOW: Outcome.SKIPPED, ASIDE: None})
    assert unfinished(state) == frozenset([FLAKY.unique_id, BELOW.unique_id, ASIDE.unique_id])


def test_the_tests_of_a_node_are_those_of_all_attempts_that_count() -> None:
    state = state_of([FLAKY, FLAKY_TEST], {})
    assert planned_tests(state, FLAKY.unique_id) == [FLAKY_TEST.unique_id]


@st.composite
def graphs(draw: st.DrawFn) -> list[PlannedNode]:
    nodes: list[PlannedNode] = []
    for number in range(draw(st.integers(1, 9))):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        nodes.append(model(f"m{number}", *(f"model.shop.m{parent}" for parent in sorted(parents))))
    return nodes


@given(nodes=graphs(), data=st.data())
def test_no_node_is_built_twice_nor_before_its_parents(nodes: list[PlannedNode], data: st.DataObject) -> None:
    failing = data.draw(st.sets(st.sampled_from(nodes)))
    ends: dict[str, Outcome] = {}
    for node in nodes:
        held_back = any(ends[parent] is not Outcome.SUCCESS for parent in node.depends_on)
        ends[node.unique_id] = Outcome.SKIPPED if held_back else Outcome.ERROR if node in failing else Outcome.SUCCESS
    state = state_of(nodes, {node: ends[node.unique_id] for node in nodes})
    wanted = data.draw(st.sets(st.sampled_from(nodes)))
    chosen = retry_set(state, {node.unique_id for node in wanted})
    assert chosen is not None
    for node in nodes:
        if node.unique_id in chosen:
            assert ends[node.unique_id] not in POSITIVE
            assert all(parent in chosen or succeeded(state, parent) for parent in node.depends_on)
        elif ends[node.unique_id] is Outcome.SKIPPED and any(parent in chosen for parent in node.depends_on):
            # Left out though a parent runs: only because another parent holds it back.
            assert not all(parent in chosen or succeeded(state, parent) for parent in node.depends_on)
    for node in wanted:
        if ends[node.unique_id] is Outcome.ERROR:
            assert node.unique_id in chosen


@pytest.mark.parametrize("outcome", sorted(POSITIVE))
def test_nothing_that_ended_well_is_run_again(outcome: Outcome) -> None:
    state = state_of([FLAKY, BELOW], {FLAKY: outcome})
    assert retried(state, FLAKY, BELOW) == set()
