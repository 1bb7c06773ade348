"""A recorded run, played again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from heliograph.bus.events import Event
from heliograph.bus.payloads import Outcome, SkipReason
from heliograph.consumers.pace import LONGEST_PAUSE_S
from heliograph.consumers.replay import ReplayOptions, replay
from heliograph.consumers.run_end import RunEnd
from heliograph.consumers.source import from_log
from heliograph.consumers.until import NotReached
from memory_log import MemoryLog
from run_events import Attempt, check, model
from virtual_time import in_virtual_time

RUN = "shop/run-1"
BEGIN = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
ORDERS = model("orders")
ITEMS = model("items", ORDERS.unique_id)
UNIQUE = check("unique_orders", ORDERS.unique_id)


def timed(events: Sequence[Event], step_s: float = 1.0) -> list[Event]:
    return [
        event.model_copy(update={"time": BEGIN + step_s * at * timedelta(seconds=1)}) for at, event in enumerate(events)
    ]


def failed_run() -> list[Event]:
    run = Attempt()
    return timed(
        [
            run.started(),
            run.planned(ORDERS, ITEMS, UNIQUE),
            run.node_started(ORDERS),
            run.node(ORDERS),
            run.node_started(UNIQUE),
            run.node(UNIQUE, Outcome.FAIL, message="Got 2 results"),
            run.node(ITEMS, Outcome.SKIPPED, skip_reason=SkipReason.UPSTREAM_FAILED, caused_by=(UNIQUE.unique_id,)),
            run.finished(1),
        ]
    )


async def played(
    events: Sequence[Event],
    *,
    terminal: bool = False,
    speed: float | None = None,
    until: str | None = None,
    decisions: bool = False,
) -> tuple[RunEnd | None, str]:
    log, printed = MemoryLog(), StringIO()
    log.append(events)
    console = Console(file=printed, width=200, force_terminal=terminal, color_system=None)
    options = ReplayOptions(speed=speed, until=until, decisions=decisions)
    async with from_log(log, RUN) as recorded:
        end = await replay(recorded, console=console, options=options)
    return end, printed.getvalue()


async def test_it_prints_what_tail_prints_live() -> None:
    end, text = await played(failed_run())
    assert "attempt 1 started: project shop, target dev" in text
    assert "fail     test.shop.unique_orders  Got 2 results" in text
    assert "timeline" in text
    assert text.rstrip().endswith(f"Run {RUN}, attempt 1 finished")
    assert end is not None
    assert end.exit_code == 1


async def test_a_run_without_an_end_goes_on() -> None:
    end, text = await played(failed_run()[:4])
    assert end is None
    assert text.rstrip().endswith(f"Run {RUN} goes on.")


@pytest.mark.parametrize("terminal", [False, True])
def test_the_pace_is_the_runs_own_times_the_speed(terminal: bool) -> None:
    @in_virtual_time
    async def play() -> None:
        begun = asyncio.get_running_loop().time()
        await played(failed_run(), speed=5.0, terminal=terminal)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(7 / 5)

    play()


@in_virtual_time
async def test_no_silence_is_played_for_long_and_clocks_that_go_back_do_not_wait() -> None:
    begun = asyncio.get_running_loop().time()
    events = failed_run()
    later = [event.model_copy(update={"time": event.time + timedelta(days=1)}) for event in events[4:]]
    earlier = events[3].model_copy(update={"time": BEGIN - timedelta(days=1)})
    await played([*events[:3], earlier, *later], speed=1.0)
    assert asyncio.get_running_loop().time() - begun == pytest.approx(2 + LONGEST_PAUSE_S + 3)


async def test_what_each_task_is_told_stands_behind_the_event_that_decides_it() -> None:
    _, text = await played(failed_run(), decisions=True)
    lines = text.splitlines()
    told = {line.strip(): lines[at - 1] for at, line in enumerate(lines) if line.strip().startswith("task ")}
    assert list(told) == [
        "task model.shop.orders: success  dbt reported success",
        "task tests of model.shop.orders: failed  1 of 1 tests failed: unique_orders",
        "task model.shop.items: failed  skipped by dbt: upstream test.shop.unique_orders failed",
    ]
    assert [line.split("  ")[1].split()[0] for line in told.values()] == ["success", "fail", "skipped"]


@pytest.mark.parametrize("until", ["4", "1.4", "orders", "model.shop.orders", "2026-11-22T20:00:03.500+00:00"])
async def test_it_stops_at_a_place_and_tells_how_the_run_stands_there(until: str) -> None:
    end, text = await played(failed_run(), until=until)
    assert end is None
    assert "timeline" not in text
    snapshot = text[text.index(f"Run {RUN} after 4 events") :]
    assert "Attempt 1 is planned: 1 success, 0 running, 2 to come" in snapshot
    rows = [" ".join(line.split()) for line in snapshot.splitlines()]
    assert "to come model.shop.items its parents have ended" in rows
    assert "waits tests of model.shop.orders" in rows
    assert "success model.shop.orders dbt reported success" in rows


async def test_a_time_of_day_is_of_the_runs_own_day() -> None:
    local = (BEGIN + timedelta(seconds=2, milliseconds=500)).astimezone()
    _, text = await played(failed_run(), until=f"{local:%H:%M:%S.%f}")
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "Attempt 1 is planned: 1 running, 2 to come" in rows
    assert "running model.shop.orders for 0.00 s" in rows
    assert "to come model.shop.items behind model.shop.orders" in rows


async def test_events_that_are_missing_at_the_stop_are_named() -> None:
    events = failed_run()
    _, text = await played([*events[:3], *events[5:]], until="5")
    assert "Missing events of this attempt: 4-5" in text


@pytest.mark.parametrize("until", ["99", "1.99", "model.shop.order", "nothing like it"])
async def test_a_place_that_the_run_does_not_have_is_a_clear_error(until: str) -> None:
    with pytest.raises(NotReached, match="Setting: --until") as told:
        await played(failed_run(), until=until)
    assert ("e.g. model.shop.orders" in str(told.value)) is (until == "model.shop.order")


async def test_a_moment_behind_the_end_tells_how_the_run_ended() -> None:
    _, text = await played(failed_run(), until="2027-01-01T00:00:00+00:00")
    assert f"Run {RUN} after 8 events" in text
    assert "Attempt 1 is finished: 1 fail, 1 skipped, 1 success, 0 running, 0 to come" in text
