"""A task that does not wait for its parents' tasks, and whose node was skipped because of a failure above it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pytest

from heliograph.bus.payloads import Outcome, SkipReason
from heliograph.consumers.decision import End, NodeQuestion, Verdict
from heliograph.consumers.hub import Hub
from heliograph.consumers.node_try import NodeTask, NodeTry
from heliograph.consumers.surroundings import Announcement, TaskFate
from memory_log import MemoryLog
from run_events import Attempt, model

ORDERS = model("orders")
REPORT = model("report", ORDERS.unique_id)


@dataclass
class Around:
    """What an orchestrator tells: the fate of the one parent's task, each time the next."""

    parent: list[TaskFate]
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def producer(self) -> TaskFate:
        return TaskFate.SUCCEEDED

    async def announced(self) -> Announcement | None:
        return None

    async def fates(self, task_ids: Collection[str]) -> Mapping[str, TaskFate]:
        self.asked.set()
        return {task_id: self.parent[0] if len(self.parent) == 1 else self.parent.pop(0) for task_id in task_ids}

    async def may_lead(self, task_id: str) -> bool:
        return True


def node_try(log: MemoryLog, around: Around) -> NodeTry:
    task = NodeTask(
        question=NodeQuestion(REPORT.unique_id), task_id="report_run", try_number=1, parents=("orders_run",)
    )
    return NodeTry("shop/run-1", task, hub=Hub(log, settle_s=0.01), surroundings=around)


def skipped_report(log: MemoryLog) -> None:
    attempt = Attempt()
    skipped = attempt.node(REPORT, Outcome.SKIPPED, skip_reason=SkipReason.UPSTREAM_FAILED)
    log.append([attempt.started(), attempt.planned(ORDERS, REPORT), attempt.node(ORDERS, Outcome.ERROR), skipped])
    log.append([attempt.finished(1)])


@pytest.mark.parametrize("fate", [TaskFate.FAILED, TaskFate.SUCCEEDED])
async def test_it_fails_when_its_parents_can_bring_nothing_more(fate: TaskFate) -> None:
    """Also where all parents succeeded: a unit test of the node itself may have kept it from running."""
    log = MemoryLog()
    skipped_report(log)

    async with asyncio.timeout(5):
        verdict = await node_try(log, Around([fate])).resolve()

    assert isinstance(verdict, Verdict)
    assert verdict.end is End.FAILED


async def test_it_hears_of_the_attempt_that_a_parents_retry_brings() -> None:
    log, around = MemoryLog(), Around([TaskFate.TO_COME])
    skipped_report(log)
    waiting = asyncio.ensure_future(node_try(log, around).resolve())

    async with asyncio.timeout(5):
        await around.asked.wait()
        log.append(Attempt(attempt=2).whole([ORDERS, REPORT]))
        verdict = await waiting

    assert isinstance(verdict, Verdict)
    assert verdict.end is End.SUCCESS
