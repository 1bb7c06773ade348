from pathlib import Path

import pytest
from dbt.artifacts.schemas.run import RunResultsArtifact

from heliograph.bus.events import Event, decode
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import RunState
from heliograph.producer.state_results import results_of_attempt, results_of_state
from run_events import Attempt, check, model

RECORDED = Path(__file__).parents[1] / "fixtures" / "event_logs"
A, B, T = model("a"), model("b", "model.shop.a"), check("t", "model.shop.a")


def folded(*events: Event) -> RunState:
    state = RunState(run=events[0].run)
    for event in events:
        state.apply(event)
    return state


def recorded(name: str) -> RunState:
    events = [decode(line.encode()) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]
    return folded(*[event for event in events if event is not None])


def statuses(content: dict[str, object]) -> dict[str, str]:
    artifact = RunResultsArtifact.from_dict(content)
    return {result.unique_id: str(result.status) for result in artifact.results}


@pytest.mark.parametrize("name", ["success", "failing_model", "failing_test", "aborted"])
def test_dbt_reads_what_is_made_of_recorded_runs(name: str) -> None:
    state = recorded(name)
    content = results_of_state(state)
    RunResultsArtifact.validate(content)  # type: ignore[no-untyped-call]  # dbt leaves it without types
    assert state.latest is not None
    assert statuses(content).keys() == state.latest.nodes_finished.keys()
    assert content["elapsed_time"] > 0


def test_a_test_that_succeeded_passed_and_a_cancelled_node_is_an_error() -> None:
    told = Attempt()
    state = folded(
        told.started(),
        told.planned(A, B, T),
        told.node(A),
        told.node(T),
        told.node(B, Outcome.CANCELLED, message="killed"),
    )
    assert statuses(results_of_state(state)) == {
        A.unique_id: "success",
        T.unique_id: "pass",
        B.unique_id: "error",
    }


def test_what_a_killed_producer_left_open_has_no_result() -> None:
    told = Attempt()
    state = folded(told.started(), told.planned(A, B), told.node(A), told.node_started(B))
    assert statuses(results_of_attempt(state.attempts[1])) == {A.unique_id: "success"}


def test_attempts_are_merged() -> None:
    one, two = Attempt(), Attempt(attempt=2)
    state = folded(
        *(one.started(), one.planned(A, B), one.node(A), one.node(B, Outcome.ERROR)),
        *(two.started(), two.planned(B), two.node(B)),
    )
    assert statuses(results_of_state(state)) == {A.unique_id: "success", B.unique_id: "success"}


def test_nothing_known_gives_no_results() -> None:
    with pytest.raises(ValueError, match="at least one attempt"):
        results_of_state(RunState(run="r"))
