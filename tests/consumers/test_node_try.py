"""One try of a node's task, in virtual time: what it waits for, when it asks, when it leads, and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from heliograph.bus.errors import BusRefused
from heliograph.bus.events import Event, RetryRequested, RunStarted
from heliograph.bus.payloads import Outcome, SkipReason
from heliograph.consumers.decision import End, Verdict, question_about
from heliograph.consumers.hub import Hub
from heliograph.consumers.node_try import NodeTask, NodeTry, RunDbt
from heliograph.consumers.surroundings import Announcement, TaskFate
from memory_log import DirectWriter, MemoryLog
from run_events import Attempt, model
from virtual_time import in_virtual_time

RUN = "shop/run-1"
FLAKY, ASIDE = model("flaky"), model("aside")
BELOW = model("below", FLAKY.unique_id)


@dataclass
class Around:
    """The orchestrator's word on the tasks around; set by the tests."""

    fate: TaskFate = TaskFate.SUCCEEDED
    attempt: int | None = 1
    parents: TaskFate = TaskFate.SUCCEEDED
    gone: set[str] = field(default_factory=set)

    async def producer(self) -> TaskFate:
        return self.fate

    async def announced(self) -> Announcement | None:
        return None if self.attempt is None else Announcement(attempt=self.attempt)

    async def fates(self, task_ids: Collection[str]) -> Mapping[str, TaskFate]:
        return dict.fromkeys(task_ids, self.parents)

    async def may_lead(self, task_id: str) -> bool:
        return task_id not in self.gone


class RefusingWriter(DirectWriter):
    """As of a consumer whose credentials may only read."""

    async def write(self, events: Any) -> None:
        raise BusRefused("This user may not write", setting="bus_url", fix="give it the right")


def tries(log: MemoryLog, around: Around, *, writer: Any = None, **more: Any) -> asyncio.Future[Verdict | RunDbt]:
    node = more.pop("node", FLAKY)
    task = NodeTask(
        question=question_about(node.unique_id, tests=False),
        task_id=more.pop("task_id", f"{node.name}_run"),
        try_number=more.pop("try_number", 2),
        **more,
    )
    hub = Hub(log, clock=asyncio.get_running_loop().time, writer=writer or DirectWriter(log))
    return asyncio.ensure_future(NodeTry(RUN, task, hub=hub, surroundings=around).resolve())


def first_attempt() -> list[Event]:
    run = Attempt()
    skipped = run_events_of_failure(run)
    return [*skipped, run.node(ASIDE), run.finished(1)]


def run_events_of_failure(run: Attempt) -> list[Event]:
    return [
        run.started(),
        run.planned(FLAKY, BELOW, ASIDE),
        run.node(FLAKY, Outcome.ERROR, message="division by zero"),
        run.node(BELOW, Outcome.SKIPPED, skip_reason=SkipReason.UPSTREAM_FAILED, caused_by=(FLAKY.unique_id,)),
    ]


def answering(log: MemoryLog, *, attempt: int = 2) -> tuple[Attempt, Event]:
    """The start of an attempt that answers everything asked for so far."""
    run = Attempt(attempt=attempt)
    started = run.started()
    assert isinstance(started, RunStarted)
    asked = tuple(event.id for event in log.events if isinstance(event, RetryRequested))
    return run, started.model_copy(update={"data": started.data.model_copy(update={"answers": asked})})


def end_of(outcome: Verdict | RunDbt) -> End:
    assert isinstance(outcome, Verdict)
    return outcome.end


@in_virtual_time
async def test_a_first_try_ends_as_the_node_ended_and_asks_nobody() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    assert end_of(await tries(log, Around(), try_number=1, node=ASIDE)) is End.SUCCESS
    assert not [event for event in log.events if isinstance(event, RetryRequested)]


@in_virtual_time
async def test_the_only_one_who_asks_runs_dbt() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    outcome = await tries(log, Around())
    assert isinstance(outcome, RunDbt)
    assert outcome.request in log.events


@in_virtual_time
async def test_of_many_who_ask_one_runs_dbt_and_all_hear_of_it() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    asked = [tries(log, Around(), task_id=f"copy_{number}") for number in range(20)]
    done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(3)
    assert [isinstance(task.result(), RunDbt) for task in done] == [True]
    run, started = answering(log)
    log.append([started, run.planned(FLAKY, BELOW), run.node(FLAKY)])
    assert {end_of(outcome) for outcome in await asyncio.gather(*waiting)} == {End.SUCCESS}


@in_virtual_time
async def test_the_next_in_line_leads_where_the_leader_is_gone() -> None:
    log, around = MemoryLog(), Around()
    log.append(first_attempt())
    first = await tries(log, around, task_id="leader")
    assert isinstance(first, RunDbt)
    around.gone.add("leader")
    assert isinstance(await tries(log, around, task_id="next"), RunDbt)


@in_virtual_time
async def test_a_failure_in_the_attempt_that_was_asked_for_fails_the_try() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    leader = await tries(log, Around(), task_id="leader")
    follower = tries(log, Around(), task_id="follower")
    await asyncio.sleep(1)
    assert isinstance(leader, RunDbt)
    run, started = answering(log)
    log.append([started, run.planned(FLAKY), run.node(FLAKY, Outcome.ERROR, message="again")])
    outcome = await follower
    assert isinstance(outcome, Verdict)
    assert (outcome.end, outcome.attempt, outcome.message) == (End.FAILED, 2, "again")


@in_virtual_time
async def test_while_dbt_runs_nothing_is_started() -> None:
    log, run = MemoryLog(), Attempt()
    log.append(run_events_of_failure(run))
    around = Around(fate=TaskFate.RUNS)
    waiting = tries(log, around)
    for _ in range(30):
        await asyncio.sleep(5)
        log.append([run.heartbeat()])
    assert not waiting.done()
    log.append([run.node(ASIDE), run.finished(1)])
    around.fate = TaskFate.FAILED
    assert isinstance(await waiting, RunDbt)


@in_virtual_time
async def test_a_producer_that_will_run_again_is_waited_for() -> None:
    log, around = MemoryLog(), Around(fate=TaskFate.TO_COME)
    log.append(first_attempt())
    waiting = tries(log, around)
    await asyncio.sleep(600)
    assert not waiting.done()
    around.fate = TaskFate.RUNS
    run, started = answering(log)
    log.append([started, run.planned(FLAKY, BELOW), run.node(FLAKY)])
    assert end_of(await waiting) is End.SUCCESS


@in_virtual_time
async def test_nothing_is_green_from_before_a_producer_that_never_began_again() -> None:
    log = MemoryLog()
    log.append(Attempt().whole([FLAKY]))
    cleared = Around(fate=TaskFate.TO_COME, attempt=None)
    waiting = tries(log, cleared)
    await asyncio.sleep(60)
    assert not waiting.done()
    cleared.fate = TaskFate.FAILED
    assert end_of(await waiting) is End.FAILED


@in_virtual_time
async def test_what_was_green_before_everything_was_run_anew_counts_no_longer() -> None:
    log, run = MemoryLog(), Attempt(attempt=2)
    log.append(Attempt().whole([FLAKY]))
    started = run.started()
    assert isinstance(started, RunStarted)
    fresh = started.model_copy(update={"data": started.data.model_copy(update={"fresh": True})})
    log.append([fresh, run.planned(FLAKY)])
    waiting = tries(log, Around(fate=TaskFate.RUNS, attempt=2))
    await asyncio.sleep(5)
    assert not waiting.done()
    log.append([run.node(FLAKY, Outcome.ERROR), run.finished(1)])
    assert end_of(await waiting) is End.FAILED


@in_virtual_time
async def test_a_last_try_does_not_fail_while_the_producer_will_be_tried_again() -> None:
    log, around = MemoryLog(), Around(fate=TaskFate.RUNS)
    log.append(first_attempt())
    waiting = tries(log, around, try_number=1, last_try=True, producer_retries=1)
    await asyncio.sleep(5)
    around.fate = TaskFate.TO_COME
    await asyncio.sleep(300)
    assert not waiting.done()
    run = Attempt(attempt=2)
    log.append([run.started(), run.planned(FLAKY, BELOW), run.node(FLAKY)])
    assert end_of(await waiting) is End.SUCCESS


@in_virtual_time
async def test_a_try_that_is_not_the_last_fails_at_once() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    around = Around(fate=TaskFate.TO_COME)
    assert end_of(await tries(log, around, try_number=1, last_try=False, producer_retries=1)) is End.FAILED


@in_virtual_time
async def test_who_may_not_write_goes_to_a_worker_that_may() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    assert isinstance(await tries(log, Around(), writer=RefusingWriter(log)), RunDbt)


@in_virtual_time
async def test_requests_with_other_dbt_arguments_are_led_by_one_of_their_own() -> None:
    log = MemoryLog()
    log.append(first_attempt())
    one = tries(log, Around(), task_id="one")
    other = tries(log, Around(), task_id="other", arguments="full refresh")
    assert [isinstance(outcome, RunDbt) for outcome in await asyncio.gather(one, other)] == [True, True]
