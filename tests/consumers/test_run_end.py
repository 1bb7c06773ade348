from __future__ import annotations

import pytest

from heliograph.bus.events import Event
from heliograph.bus.run_state import Phase, RunState
from heliograph.consumers.run_end import RunEnd, RunOver
from run_events import Attempt, model


def end(*events: Event) -> RunEnd | None:
    state = RunState(run="shop/run-1")
    for event in events:
        state.apply(event)
    return RunOver().decide(state)


@pytest.mark.parametrize(("dbts", "ours"), [(0, 0), (1, 1), (2, 2), (137, 2), (-9, 2)])
def test_a_finished_run_has_dbts_exit_code(dbts: int, ours: int) -> None:
    run = Attempt()
    told = end(run.started(), run.finished(dbts, message="as dbt says"))
    assert told == RunEnd(attempt=1, phase=Phase.FINISHED, reason="as dbt says", exit_code=ours)


def test_an_aborted_or_lost_run_ends_with_two() -> None:
    run = Attempt()
    started = run.started()
    assert end(started, run.lost("silent")) == RunEnd(attempt=1, phase=Phase.LOST, reason="silent", exit_code=2)
    assert end(started, run.aborted("stop")) == RunEnd(attempt=1, phase=Phase.ABORTED, reason="stop", exit_code=2)


def test_a_run_goes_on_while_its_newest_attempt_does() -> None:
    assert end(*Attempt().whole([model("a")])) is not None
    assert end(*Attempt().whole([model("a")]), Attempt(attempt=2).started()) is None
    assert end() is None


def test_missing_events_may_still_arrive() -> None:
    events = Attempt().whole([model("a"), model("b")])
    assert end(*events[:2], *events[3:]) is None
    assert end(*events[:2], *events[3:], Attempt().lost("event 3 never arrived")) is not None
