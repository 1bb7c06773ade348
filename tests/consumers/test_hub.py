"""One follow per run, whoever waits for it."""

from __future__ import annotations

import asyncio
import gc
import itertools
import tracemalloc
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.bus.errors import BusRefused, BusUnavailable, NewerEventVersion
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import Phase, RunState
from heliograph.consumers.hub import Hub
from memory_log import DirectWriter, MemoryLog
from run_events import Attempt, model
from virtual_time import in_virtual_time

RUN = "shop/run-1"
ORDERS, ITEMS = model("orders"), model("items")


@dataclass
class Outcomes:
    """Asks how a node ended, and counts how often it was asked."""

    unique_id: str = ORDERS.unique_id
    asked: int = 0

    def subjects(self, state: RunState) -> Collection[str]:
        return (self.unique_id,)

    def decide(self, state: RunState) -> Outcome | None:
        self.asked += 1
        result = state.result(self.unique_id)
        return result.outcome if result is not None else None


@dataclass
class Over:
    """Asks for the phase in which the attempt ended."""

    attempt: int = 1

    def subjects(self, state: RunState) -> Collection[str]:
        return ()

    def decide(self, state: RunState) -> Phase | None:
        attempt = state.attempts.get(self.attempt)
        return attempt.phase if attempt is not None and attempt.over else None


def hub_on(log: MemoryLog, **more: Any) -> Hub:
    return Hub(log, clock=asyncio.get_running_loop().time, writer=DirectWriter(log), **more)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@in_virtual_time
async def test_a_waiter_gets_its_answer_when_its_event_comes() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log)
    answer = asyncio.ensure_future(hub.wait(RUN, Outcomes()))
    await asyncio.sleep(1)
    log.append([run.started(), run.planned(ORDERS, ITEMS), run.node(ITEMS, Outcome.ERROR)])
    await asyncio.sleep(1)
    assert not answer.done()
    log.append([run.node(ORDERS, Outcome.WARN)])
    assert await answer is Outcome.WARN


@in_virtual_time
async def test_a_thousand_waiters_share_one_follow_and_each_is_asked_only_about_its_own_node() -> None:
    log, run, nodes = MemoryLog(), Attempt(), [model(f"m{i}") for i in range(1000)]
    hub = hub_on(log)
    questions = [Outcomes(node.unique_id) for node in nodes]
    answers = [asyncio.ensure_future(hub.wait(RUN, question)) for question in questions]
    await asyncio.sleep(1)
    assert (hub.waiters, hub.runs, log.following) == (1000, 1, 1)
    log.append([run.started(), run.planned(*nodes)])
    await asyncio.sleep(1)
    asked_before = [question.asked for question in questions]
    log.append([event for node in nodes for event in (run.heartbeat(), run.node_started(node), run.node(node))])
    assert await asyncio.gather(*answers) == [Outcome.SUCCESS] * 1000
    # Its node's start, its node's end; nothing for the others' events and the heartbeats.
    assert {question.asked - before for question, before in zip(questions, asked_before, strict=True)} == {2}
    assert len(log.follows) == 1
    assert hub.waiters == 0


@in_virtual_time
async def test_a_late_waiter_is_answered_from_what_was_already_read() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log)
    log.append(run.whole([ORDERS, ITEMS], items=Outcome.FAIL))
    assert await hub.wait(RUN, Outcomes(ORDERS.unique_id)) is Outcome.SUCCESS
    before = asyncio.get_running_loop().time()
    assert await hub.wait(RUN, Outcomes(ITEMS.unique_id)) is Outcome.FAIL
    assert asyncio.get_running_loop().time() == before
    assert len(log.follows) == 1


@in_virtual_time
async def test_nothing_is_answered_from_half_of_the_past() -> None:
    """A first attempt's failure stands in the log before the second attempt's success."""
    log = MemoryLog()
    hub = hub_on(log)
    log.append(Attempt().whole([ORDERS], orders=Outcome.ERROR))
    log.append(Attempt(attempt=2).whole([ORDERS]))
    assert await hub.wait(RUN, Outcomes()) is Outcome.SUCCESS


@in_virtual_time
async def test_a_run_that_is_never_silent_is_answered_all_the_same() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log)
    log.append([run.started(), run.planned(ORDERS), run.node(ORDERS)])
    answer = asyncio.ensure_future(hub.wait(RUN, Outcomes()))
    for _ in range(60):
        log.append([run.heartbeat()])
        await asyncio.sleep(0.1)
    assert answer.done()


@in_virtual_time
async def test_an_earlier_since_starts_the_following_again_from_there() -> None:
    log, run, now = MemoryLog(), Attempt(), datetime.now(UTC)
    hub = hub_on(log)
    log.append(run.whole([ORDERS]))
    late = asyncio.ensure_future(hub.wait(RUN, Outcomes(), since=now + timedelta(hours=1)))
    await asyncio.sleep(2)
    assert not late.done()
    assert await hub.wait(RUN, Outcomes(), since=now - timedelta(hours=1)) is Outcome.SUCCESS
    assert await late is Outcome.SUCCESS
    assert log.following == 1
    await hub.wait(RUN, Outcomes(), since=now)
    assert len(log.follows) == 2


@in_virtual_time
async def test_a_run_is_kept_for_its_grace_and_then_dropped() -> None:
    log = MemoryLog()
    hub = hub_on(log, grace_s=60)
    log.append(Attempt().whole([ORDERS]))
    await hub.wait(RUN, Outcomes())
    await asyncio.sleep(50)
    await hub.wait(RUN, Outcomes())
    await asyncio.sleep(59)
    assert (hub.runs, log.following) == (1, 1)
    await asyncio.sleep(2)
    assert (hub.runs, log.following) == (0, 0)


@in_virtual_time
async def test_memory_does_not_grow_with_the_runs_that_were_followed() -> None:
    log = MemoryLog()
    hub = hub_on(log, grace_s=1)

    async def one(number: int) -> None:
        run = f"shop/run-{number}"
        log.events = Attempt(run=run).whole([model(f"m{i}") for i in range(20)])
        await hub.wait(run, Outcomes("model.shop.m7"))
        await asyncio.sleep(2)

    for number in range(5):
        await one(number)
    tracemalloc.start()
    try:
        await one(5)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(6, 56):
            await one(number)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # 50 runs' events are some megabytes


@in_virtual_time
async def test_cancelling_a_wait_leaves_no_trace() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log, grace_s=5)
    gone, stays = (asyncio.ensure_future(hub.wait(RUN, Outcomes())) for _ in range(2))
    await asyncio.sleep(1)
    gone.cancel()
    await turns()
    assert gone.cancelled()
    assert hub.waiters == 1
    log.append(run.whole([ORDERS]))
    assert await stays is Outcome.SUCCESS
    await asyncio.sleep(6)
    assert (hub.waiters, hub.runs, log.following) == (0, 0, 0)


@pytest.mark.parametrize("error", [BusRefused("no"), NewerEventVersion("dev.heliograph.node.finished.v2")])
@in_virtual_time
async def test_an_error_of_the_log_reaches_every_waiter_of_the_run_and_a_new_wait_tries_anew(error: Exception) -> None:
    log = MemoryLog()
    hub = hub_on(log)
    waits = [asyncio.ensure_future(hub.wait(RUN, Outcomes())) for _ in range(3)]
    await asyncio.sleep(1)
    log.fail(error)
    assert await asyncio.gather(*waits, return_exceptions=True) == [error] * 3
    assert (hub.runs, hub.waiters) == (0, 0)
    log.failure = None
    log.append(Attempt().whole([ORDERS]))
    assert await hub.wait(RUN, Outcomes()) is Outcome.SUCCESS


@in_virtual_time
async def test_waiting_again_at_once_after_an_error_tries_anew() -> None:
    log = MemoryLog()
    hub = hub_on(log)

    async def stubborn() -> Outcome:
        try:
            return await hub.wait(RUN, Outcomes())
        except BusRefused:
            log.failure = None
            return await hub.wait(RUN, Outcomes())

    waits = [asyncio.ensure_future(stubborn()) for _ in range(3)]
    await asyncio.sleep(1)
    log.fail(BusRefused("no"))
    await asyncio.sleep(1)
    assert (hub.waiters, hub.runs, log.following) == (3, 1, 1)
    log.append(Attempt().whole([ORDERS]))
    assert await asyncio.gather(*waits) == [Outcome.SUCCESS] * 3


@in_virtual_time
async def test_a_question_that_breaks_the_rules_and_raises_ends_alone() -> None:
    class Broken(Outcomes):
        def decide(self, state: RunState) -> Outcome | None:
            raise ZeroDivisionError

    log = MemoryLog()
    hub = hub_on(log)
    broken = asyncio.ensure_future(hub.wait(RUN, Broken()))
    good = asyncio.ensure_future(hub.wait(RUN, Outcomes()))
    log.append(Attempt().whole([ORDERS]))
    assert await good is Outcome.SUCCESS
    with pytest.raises(ZeroDivisionError):
        await broken


@in_virtual_time
async def test_runs_are_apart_from_each_other() -> None:
    log = MemoryLog()
    hub = hub_on(log)
    other = asyncio.ensure_future(hub.wait("shop/run-2", Outcomes()))
    log.append(Attempt().whole([ORDERS]))
    assert await hub.wait(RUN, Outcomes()) is Outcome.SUCCESS
    assert not other.done()
    log.append(Attempt(run="shop/run-2").whole([ORDERS], orders=Outcome.ERROR))
    assert await other is Outcome.ERROR


@in_virtual_time
async def test_a_flood_of_events_leaves_turns_to_the_loops_other_tasks() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log)
    nodes = [model(f"m{i}") for i in range(5000)]
    log.append([run.started(), run.planned(*nodes)])
    answer = asyncio.ensure_future(hub.wait(RUN, Outcomes("model.shop.m4999")))
    await asyncio.sleep(1)
    follower = hub._followers[RUN]
    log.append([run.node(node) for node in nodes])
    folded = [len(follower.state.attempts[1].nodes_finished)]
    while not answer.done():
        await asyncio.sleep(0)
        folded.append(len(follower.state.attempts[1].nodes_finished))
    assert max(after - before for before, after in itertools.pairwise(folded)) <= 200


@in_virtual_time
async def test_waking_very_many_waiters_leaves_turns_to_the_loops_other_tasks() -> None:
    log, run = MemoryLog(), Attempt()
    hub = hub_on(log)
    questions = [Outcomes() for _ in range(2000)]
    waits = [asyncio.ensure_future(hub.wait(RUN, question)) for question in questions]
    await asyncio.sleep(1)
    log.append([run.started()])
    asked = [sum(question.asked for question in questions)]
    for _ in range(60):
        await asyncio.sleep(0)
        asked.append(sum(question.asked for question in questions))
    assert asked[-1] - asked[0] == 2000
    assert max(after - before for before, after in itertools.pairwise(asked)) <= 200
    log.append([run.planned(ORDERS), run.node(ORDERS)])
    await asyncio.gather(*waits)


@in_virtual_time
async def test_closing_ends_open_questions_and_the_log() -> None:
    log = MemoryLog()
    hub = hub_on(log)
    wait = asyncio.ensure_future(hub.wait(RUN, Outcomes()))
    await asyncio.sleep(1)
    await hub.aclose()
    with pytest.raises(BusUnavailable, match="hub was closed"):
        await wait
    assert log.closed
    assert (hub.runs, hub.waiters, log.following) == (0, 0, 0)
    await hub.aclose()
