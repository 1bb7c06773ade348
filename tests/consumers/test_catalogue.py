"""Which runs a log holds, and how each stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.bus.events import Event
from heliograph.bus.payloads import Outcome
from heliograph.consumers.catalogue import RunSummary, Standing, UnknownRun, runs, unknown_run
from memory_log import MemoryLog
from run_events import Attempt, model

BEGIN = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
ORDERS, ITEMS = model("orders"), model("items")


def timed(events: list[Event], begin: datetime = BEGIN) -> list[Event]:
    """The events, one a second."""
    return [event.model_copy(update={"time": begin + timedelta(seconds=at)}) for at, event in enumerate(events)]


async def listed(*events: Event, after_s: float = 10.0, since: datetime | None = None) -> list[RunSummary]:
    log = MemoryLog()
    log.append(events)
    return await runs(log, now=BEGIN + timedelta(seconds=after_s), since=since)


async def only(*events: Event, after_s: float = 10.0) -> RunSummary:
    (summary,) = await listed(*events, after_s=after_s)
    return summary


async def test_a_run_tells_its_nodes_its_time_and_how_it_ended() -> None:
    summary = await only(*timed(Attempt().whole([ORDERS, ITEMS], items=Outcome.ERROR)))
    assert summary == RunSummary(
        run="shop/run-1",
        standing=Standing.FAILED,
        attempts=1,
        nodes={Outcome.SUCCESS: 1, Outcome.ERROR: 1},
        started_at=BEGIN,
        duration_s=4.0,
        started_by=None,
    )
    assert (await only(*timed(Attempt().whole([ORDERS])))).standing is Standing.FINISHED


async def test_a_run_that_is_heard_of_runs_and_a_silent_one_is_lost() -> None:
    events = timed([(run := Attempt()).started(lease_s=30), run.planned(ORDERS)])
    running = await only(*events, after_s=20)
    assert (running.standing, running.duration_s) == (Standing.RUNNING, 20.0)
    lost = await only(*events, after_s=32)
    assert (lost.standing, lost.duration_s) == (Standing.LOST, 1.0)


async def test_what_was_found_lost_or_aborted_is_told() -> None:
    run = Attempt()
    assert (await only(*timed([run.started(), run.lost()]), after_s=5)).standing is Standing.LOST
    run = Attempt()
    assert (await only(*timed([run.started(), run.aborted()]), after_s=5)).standing is Standing.ABORTED


async def test_the_newest_attempt_and_the_newest_report_of_a_node_count() -> None:
    first = timed(Attempt().whole([ORDERS, ITEMS], items=Outcome.ERROR))
    second = timed(Attempt(attempt=2).whole([ITEMS]), BEGIN + timedelta(days=1))
    summary = await only(*first, *second)
    assert (summary.standing, summary.attempts) == (Standing.FINISHED, 2)
    assert summary.nodes == {Outcome.SUCCESS: 2}
    assert summary.duration_s == 4.0 + 3.0


async def test_the_newest_run_comes_first() -> None:
    older = timed(Attempt(run="b").whole([ORDERS]))
    newer = timed(Attempt(run="a").whole([ORDERS]), BEGIN + timedelta(seconds=2))
    interleaved = [event for pair in zip(newer, older, strict=True) for event in pair]
    assert [summary.run for summary in await listed(*interleaved)] == ["a", "b"]


async def test_since_leaves_out_runs_that_began_before_also_where_they_went_on() -> None:
    older = timed(Attempt(run="old").whole([ORDERS]))
    newer = timed(Attempt(run="new").whole([ORDERS]), BEGIN + timedelta(seconds=2))
    found = await listed(*older, *newer, since=BEGIN + timedelta(seconds=1))
    assert [summary.run for summary in found] == ["new"]


async def test_a_run_of_which_only_a_request_is_known_is_not_listed() -> None:
    assert await listed(Attempt().cancel()) == []


async def test_an_unknown_run_names_those_of_a_like_name_and_the_newest() -> None:
    log = MemoryLog()
    for run in ("shop//manual__1", "shop//manual__2", "bank//scheduled", "zoo"):
        log.append([Attempt(run=run).started()])
    error = await unknown_run(log, "shop/manual__1")
    assert isinstance(error, UnknownRun)
    assert "did you mean 'shop//manual__1', 'shop//manual__2'" in str(error)
    assert "the newest are 'zoo', 'bank//scheduled'" in str(error)


@pytest.mark.parametrize("events", [[], [Attempt(run="zoo").started()]])
async def test_an_unknown_run_has_a_fix_in_any_log(events: list[Event]) -> None:
    log = MemoryLog()
    log.append(events)
    told = str(await unknown_run(log, "shop/run-1"))
    assert ("zoo" in told) is bool(events)
    assert "Setting: RUN" in told
