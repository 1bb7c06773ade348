"""A run as a person sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from heliograph.bus.errors import BusRefused, BusUnavailable
from heliograph.bus.events import Event
from heliograph.bus.payloads import MemoryPeak, Outcome, SkipReason
from heliograph.bus.run_state import Phase
from heliograph.consumers.catalogue import UnknownRun
from heliograph.consumers.run_end import RunEnd
from heliograph.consumers.tail import TailOptions, TailTimeout, tail
from memory_log import MemoryLog
from run_events import Attempt, check, model
from virtual_time import in_virtual_time

RUN = "shop/run-1"
ORDERS, ITEMS = model("orders"), model("items")
UNIQUE = check("unique_orders", ORDERS.unique_id)


class Screen:
    """What was printed, on a terminal or into a file."""

    def __init__(self, *, terminal: bool = False) -> None:
        self._file = StringIO()
        self.console = Console(file=self._file, width=200, force_terminal=terminal, color_system=None)

    @property
    def text(self) -> str:
        return self._file.getvalue()


async def tailed(log: MemoryLog, screen: Screen, **options: Any) -> RunEnd | None:
    clock = asyncio.get_running_loop().time
    return await tail(log, RUN, console=screen.console, options=TailOptions(**options), clock=clock)


@in_virtual_time
async def test_plain_lines_tell_the_run_as_it_goes() -> None:
    log, screen, run = MemoryLog(), Screen(), Attempt()
    task = asyncio.ensure_future(tailed(log, screen))
    log.append([run.started(), run.planned(ORDERS, ITEMS, UNIQUE), run.node_started(ORDERS)])
    await asyncio.sleep(1)
    assert "attempt 1 started: project shop, target dev" in screen.text
    assert "attempt 1 planned: 3 nodes" in screen.text
    assert "start    model.shop.orders" in screen.text
    log.append(
        [
            run.node(ORDERS, Outcome.ERROR, message="Database Error\n  no such table", execution_time_s=0.25),
            run.node(UNIQUE, Outcome.SKIPPED, skip_reason=SkipReason.UPSTREAM_FAILED, caused_by=("model.shop.orders",)),
            run.node(ITEMS),
            run.heartbeat(),
            run.finished(1),
        ]
    )
    end = await task
    assert end == RunEnd(attempt=1, phase=Phase.FINISHED, reason=None, exit_code=1)
    assert "error    model.shop.orders  0.25 s  Database Error no such table" in screen.text
    assert "skipped  test.shop.unique_orders  upstream-failed: model.shop.orders" in screen.text
    assert "success  model.shop.items" in screen.text
    assert "attempt 1 finished: exit code 1" in screen.text
    assert "timeline" in screen.text
    assert screen.text.rstrip().endswith(f"Run {RUN}, attempt 1 finished")


@pytest.mark.parametrize("ending", [Attempt.finished, Attempt.aborted])
@in_virtual_time
async def test_either_end_tells_the_memory_peak_and_what_ran_then(ending: Callable[[Attempt], Event]) -> None:
    log, screen, run = MemoryLog(), Screen(), Attempt()
    begun, ended = run.started(), ending(run)
    peak = MemoryPeak(rss_bytes=300 * 2**20, running=("model.shop.orders", "model.shop.items"))
    data = ended.data.model_copy(update={"memory_peak": peak})
    log.append([begun, ended.model_copy(update={"data": data})])
    await tailed(log, screen)
    assert "peak memory 300 MiB while model.shop.orders, model.shop.items ran" in screen.text


@in_virtual_time
async def test_an_event_that_comes_twice_is_told_once() -> None:
    log, screen = MemoryLog(), Screen()
    events = Attempt().whole([ORDERS])
    log.append([*events, *events])
    await tailed(log, screen)
    assert screen.text.count("success  model.shop.orders") == 1


@in_virtual_time
async def test_a_terminal_shows_progress_and_what_runs_now() -> None:
    log, screen, run = MemoryLog(), Screen(terminal=True), Attempt()
    nodes = [model(f"m{i}") for i in range(6)]
    task = asyncio.ensure_future(tailed(log, screen))
    log.append([run.started(), run.planned(*nodes), *(run.node_started(node) for node in nodes)])
    log.append([run.node(nodes[0])])
    await asyncio.sleep(1)
    log.append([run.node(node) for node in nodes[1:]])
    log.append([run.finished()])
    end = await task
    assert end is not None
    assert end.exit_code == 0
    assert "6/6" in screen.text
    assert "success  model.shop.m3" in screen.text
    assert "start " not in screen.text


@in_virtual_time
async def test_a_second_attempt_is_followed_to_its_end() -> None:
    log, screen = MemoryLog(), Screen()
    log.append(Attempt().whole([ORDERS], orders=Outcome.ERROR))
    second = Attempt(attempt=2)
    log.append([second.started(), second.planned(ORDERS)])
    task = asyncio.ensure_future(tailed(log, screen))
    await asyncio.sleep(5)
    assert not task.done()
    log.append([second.node(ORDERS), second.finished()])
    end = await task
    assert end is not None
    assert (end.attempt, end.exit_code) == (2, 0)


@in_virtual_time
async def test_a_run_whose_producer_died_ends_with_its_lease() -> None:
    log, screen = MemoryLog(), Screen()
    log.append([Attempt().started(lease_s=20)])
    end = await tailed(log, screen)
    assert end is not None
    assert (end.phase, end.exit_code) == (Phase.LOST, 2)
    assert "attempt 1 lost: nothing is heard of the producer" in screen.text


@in_virtual_time
async def test_without_following_it_prints_what_is_there() -> None:
    log, screen, run = MemoryLog(), Screen(), Attempt()
    log.append([run.started(), run.planned(ORDERS)])
    assert await tailed(log, screen, follow=False) is None
    assert screen.text.rstrip().endswith(f"Run {RUN} goes on.")
    log.append([run.node(ORDERS), run.finished()])
    end = await tailed(log, screen, follow=False)
    assert end is not None
    assert end.exit_code == 0
    assert log.follows == []


@in_virtual_time
async def test_an_unknown_run_is_a_clear_error_where_it_is_not_waited_for() -> None:
    with pytest.raises(UnknownRun, match=r"no event of run 'shop/run-1'.*it holds no run at all"):
        await tailed(MemoryLog(), Screen(), follow=False)


@in_virtual_time
async def test_the_time_limit_is_a_clear_error() -> None:
    log = MemoryLog()
    with pytest.raises(TailTimeout, match=r"did not end within 7 s\. Setting: --timeout"):
        await tailed(log, Screen(), timeout_s=7)
    assert log.following == 0


@in_virtual_time
async def test_a_log_that_does_not_answer_is_a_clear_error() -> None:
    log = MemoryLog()
    log.connected_since = None
    with pytest.raises(BusUnavailable, match=r"did not answer for 15 s\. Setting: --bus"):
        await tailed(log, Screen())


@in_virtual_time
async def test_an_error_of_the_log_comes_through() -> None:
    log = MemoryLog()
    log.fail(BusRefused("wrong password"))
    with pytest.raises(BusRefused):
        await tailed(log, Screen())


@in_virtual_time
async def test_since_is_handed_to_the_log() -> None:
    log, since = MemoryLog(), datetime(2026, 11, 22, tzinfo=UTC)
    log.append(Attempt().whole([ORDERS]))
    await tailed(log, Screen(), since=since)
    assert log.follows == [(RUN, since)]
