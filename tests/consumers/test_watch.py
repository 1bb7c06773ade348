"""When a producer is taken for dead, and when missing events are given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest

from heliograph.bus.events import Event, RunLost
from heliograph.bus.run_state import AttemptState, Phase, RunState
from heliograph.consumers.hub import Hub
from heliograph.consumers.surroundings import TaskFate
from memory_log import DirectWriter, MemoryLog
from run_events import Attempt, model
from virtual_time import VirtualTimeLoop, in_virtual_time

RUN = "shop/run-1"
ORDERS, ITEMS = model("orders"), model("items")


@dataclass
class Loss:
    """Asks why the attempt is lost."""

    attempt: int = 1

    def subjects(self, state: RunState) -> Collection[str]:
        return ()

    def decide(self, state: RunState) -> str | None:
        attempt = state.attempts.get(self.attempt)
        return attempt.lost.data.reason if attempt is not None and attempt.lost is not None else None


@dataclass
class Complete:
    """Asks for the first attempt once it is complete."""

    def subjects(self, state: RunState) -> Collection[str]:
        return ()

    def decide(self, state: RunState) -> AttemptState | None:
        return attempt if (attempt := state.attempts.get(1)) is not None and attempt.complete else None


TO_COME, RUNS, FAILED = TaskFate.TO_COME, TaskFate.RUNS, TaskFate.FAILED


@dataclass
class Check:
    """A producer check that gives its answers one after the other, the last one forever."""

    answers: list[TaskFate]
    asked_at: list[float] = field(default_factory=list)

    async def __call__(self) -> TaskFate:
        self.asked_at.append(now())
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def now() -> float:
    return asyncio.get_running_loop().time()


def hub_on(log: MemoryLog, **more: Any) -> Hub:
    return Hub(log, clock=asyncio.get_running_loop().time, writer=DirectWriter(log), **more)


def asked(hub: Hub, question: Any, **more: Any) -> asyncio.Future[Any]:
    return asyncio.ensure_future(hub.wait(RUN, question, **more))


@in_virtual_time
async def test_silence_longer_than_the_lease_is_death() -> None:
    log, run = MemoryLog(), Attempt()
    answer = asked(hub_on(log), Loss())
    await asyncio.sleep(5)
    log.append([run.started(lease_s=20), run.planned(ORDERS)])
    heard = now()
    reason = await answer
    assert now() - heard == pytest.approx(20, abs=0.1)
    assert "20 s" in reason


@in_virtual_time
async def test_heartbeats_keep_the_producer_alive() -> None:
    log, run = MemoryLog(), Attempt()
    answer = asked(hub_on(log), Loss())
    log.append([run.started(lease_s=20)])
    for _ in range(20):
        await asyncio.sleep(15)
        log.append([run.heartbeat()])
    assert not answer.done()
    heard = now()
    await answer
    assert now() - heard == pytest.approx(20, abs=0.1)


@in_virtual_time
async def test_the_same_event_again_is_no_sign_of_life() -> None:
    log, run = MemoryLog(), Attempt()
    answer = asked(hub_on(log), Loss())
    started = run.started(lease_s=20)
    for _ in range(4):
        log.append([started])
        await asyncio.sleep(6)
    assert answer.done()


@in_virtual_time
async def test_what_others_write_is_no_sign_of_life() -> None:
    log, run = MemoryLog(), Attempt()
    answer = asked(hub_on(log), Loss())
    log.append([run.started(lease_s=20)])
    await asyncio.sleep(15)
    log.append([run.cancel()])
    await asyncio.sleep(10)
    assert answer.done()


@in_virtual_time
async def test_a_reader_that_is_cut_off_does_not_take_the_producer_for_dead() -> None:
    log, run = MemoryLog(), Attempt()
    answer = asked(hub_on(log), Loss())
    log.append([run.started(lease_s=20)])
    await asyncio.sleep(15)
    log.connected_since = None
    await asyncio.sleep(500)
    assert not answer.done()
    log.connected_since = now()
    await asyncio.sleep(19)
    assert not answer.done()
    await asyncio.sleep(2)
    assert answer.done()


@in_virtual_time
async def test_a_process_that_stood_still_does_not_take_the_producer_for_dead() -> None:
    log, run, loop = MemoryLog(), Attempt(), asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    answer = asked(hub_on(log), Loss())
    log.append([run.started(lease_s=20)])
    await asyncio.sleep(15)
    loop.pass_unnoticed(40)
    await asyncio.sleep(15)
    assert not answer.done()
    await asyncio.sleep(10)
    assert answer.done()


@in_virtual_time
async def test_one_check_per_run_is_asked_until_it_gives_a_reason_however_many_wait() -> None:
    log, run = MemoryLog(), Attempt()
    hub, check = hub_on(log, lease_check_interval_s=10), Check([TO_COME, TO_COME, FAILED])
    log.append([run.started(lease_s=20)])
    answers = [asked(hub, Loss(), producer_check=check) for _ in range(100)]
    begun = now()
    reasons = await asyncio.gather(*answers)
    assert [at - begun for at in check.asked_at] == pytest.approx([20, 30, 40], abs=1)
    assert all(reason.startswith("the producer's task failed") for reason in reasons)


@in_virtual_time
async def test_a_silent_producer_that_is_said_to_run_is_dead_all_the_same() -> None:
    log, run = MemoryLog(), Attempt()
    log.append([run.started(lease_s=20)])
    begun = now()
    reason = await asked(hub_on(log), Loss(), producer_check=Check([RUNS]))
    assert "said to run" in reason
    assert now() - begun <= 21


@in_virtual_time
async def test_who_finds_a_loss_tells_the_log() -> None:
    log, run = MemoryLog(), Attempt()
    log.append([run.started(lease_s=20), run.planned(ORDERS)])
    reason = await asked(hub_on(log), Loss())
    await asyncio.sleep(1)
    told = log.events[-1]
    assert isinstance(told, RunLost)
    assert (told.data.reason, told.data.heard_up_to) == (reason, 2)


@in_virtual_time
async def test_an_event_that_comes_while_the_check_is_asked_counts_more_than_its_answer() -> None:
    log, run = MemoryLog(), Attempt()

    async def slow() -> TaskFate:
        log.append([run.heartbeat()])
        await asyncio.sleep(1)
        return FAILED

    log.append([run.started(lease_s=20)])
    answer = asked(hub_on(log), Loss(), producer_check=slow)
    await asyncio.sleep(35)
    assert not answer.done()
    answer.cancel()


@in_virtual_time
async def test_a_check_that_fails_or_hangs_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    async def hangs() -> TaskFate:
        await asyncio.Event().wait()
        return FAILED

    async def fails() -> TaskFate:
        raise OSError("no database")

    for check in (hangs, fails):
        log, run = MemoryLog(), Attempt()
        log.append([run.started(lease_s=20)])
        answer = asked(hub_on(log), Loss(), producer_check=check)
        await asyncio.sleep(200)
        assert not answer.done()
        answer.cancel()
    assert "no database" in caplog.text


@in_virtual_time
async def test_a_producer_that_never_began_is_asked_after() -> None:
    log = MemoryLog()
    check = Check([TO_COME, RUNS, FAILED])
    begun = now()
    reason = await asked(hub_on(log, lease_check_interval_s=10), Loss(), producer_check=check)
    assert reason == "the producer's task ended before it ran dbt"
    assert [at - begun for at in check.asked_at] == pytest.approx([10, 20, 30], abs=1)


@in_virtual_time
async def test_without_a_check_a_producer_that_never_began_is_waited_for() -> None:
    answer = asked(hub_on(MemoryLog()), Loss())
    await asyncio.sleep(3600)
    assert not answer.done()
    answer.cancel()


@in_virtual_time
async def test_a_second_attempt_that_never_begins_is_asked_after_too() -> None:
    log = MemoryLog()
    log.append(Attempt().whole([ORDERS]))
    reason = await asked(hub_on(log), Loss(attempt=2), producer_check=Check([TO_COME, FAILED]))
    assert reason == "the producer's task ended before it ran dbt"


@in_virtual_time
async def test_a_producer_that_speaks_after_its_lease_is_believed_again() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log)
    log.append([run.started(lease_s=20)])
    await asked(hub, Loss())
    log.append([run.planned(ORDERS)])
    answer = asked(hub, Complete())
    await asyncio.sleep(10)
    assert hub._followers[RUN].state.attempts[1].phase is Phase.PLANNED
    log.append([run.node(ORDERS), run.finished()])
    assert (await answer).phase is Phase.FINISHED


@in_virtual_time
async def test_an_older_attempt_that_fell_silent_is_lost_while_the_newer_one_lives() -> None:
    log, first, second = MemoryLog(), Attempt(), Attempt(attempt=2)
    log.append([first.started(lease_s=20), second.started(lease_s=20)])
    answer = asked(hub_on(log), Loss(attempt=1), producer_check=Check([TO_COME]))
    newer = asyncio.ensure_future(_keep_alive(log, second))
    await answer
    newer.cancel()


async def _keep_alive(log: MemoryLog, run: Attempt) -> None:
    while True:
        await asyncio.sleep(5)
        log.append([run.heartbeat()])


def _finished_without(log: MemoryLog, *missing: int) -> list[Event]:
    events = Attempt().whole([ORDERS, ITEMS])
    log.hidden = {event.id for event in events if event.sequence in missing}
    log.append(events)
    return events


@in_virtual_time
async def test_missing_events_are_found_by_reading_the_log_again(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog()
    _finished_without(log, 3, 4)
    begun = now()
    with caplog.at_level(logging.WARNING):
        attempt = await asked(hub_on(log), Complete())
    assert set(attempt.nodes_finished) == {ORDERS.unique_id, ITEMS.unique_id}
    assert now() - begun < 5
    assert "events 3-4 of attempt 1" in caplog.text


@in_virtual_time
async def test_missing_events_are_given_up_after_the_limit() -> None:
    log = MemoryLog()
    events = _finished_without(log, 3)
    log.events = [event for event in events if event.sequence != 3]
    begun = now()
    reason = await asked(hub_on(log, gap_limit_s=30), Loss())
    assert reason == "events 3 of attempt 1 never arrived"
    assert now() - begun == pytest.approx(30, abs=1)


@in_virtual_time
async def test_events_that_come_late_but_in_time_close_the_gap() -> None:
    log = MemoryLog()
    events = _finished_without(log)
    log.events = [event for event in events if event.sequence != 3]
    answer = asked(hub_on(log), Complete())
    await asyncio.sleep(20)
    assert not answer.done()
    log.append([events[2]])
    assert ORDERS.unique_id in (await answer).nodes_finished


@in_virtual_time
async def test_the_loss_of_an_attempt_that_never_began_does_not_stand_against_its_late_begin() -> None:
    log, run = MemoryLog(), Attempt()
    hub, check = hub_on(log), Check([FAILED, TO_COME])
    await asked(hub, Loss(), producer_check=check)
    answer = asked(hub, Loss(), producer_check=check)
    await asyncio.sleep(60)
    assert not answer.done()
    log.append(run.whole([ORDERS]))
    assert (await asked(hub, Complete())).phase is Phase.FINISHED
    answer.cancel()
