"""One try of a node's task, from its start to what becomes of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from heliograph.bus.errors import BusMissing, BusRefused
from heliograph.bus.events import RetryRequested, outside_event_id
from heliograph.bus.payloads import RetryRequestedData, SkipReason
from heliograph.consumers.attempts import AttemptAfter, AttemptOver, NewestAttempt
from heliograph.consumers.decision import End, TestsQuestion, Verdict
from heliograph.consumers.hub import Hub
from heliograph.consumers.retry_question import (
    Ask,
    Blocked,
    Follow,
    Lead,
    Question,
    RequestRead,
    RetryQuestion,
    SettledAttempts,
    Step,
)
from heliograph.consumers.surroundings import Surroundings, TaskFate
from heliograph.consumers.waiting import Waiter

T = TypeVar("T")

_RECHECK_S: Final = 1.0
# How often the orchestrator is asked after other tasks that this one waits for.
_ASK_AFTER_S: Final = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunDbt:
    """The task goes to a worker, which runs dbt for it and for all who ask with it."""

    request: RetryRequested


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeTask:
    """A task, and its place in the run.

    Attributes:
        question: what it reports: a node, or the tests of one.
        task_id, try_number: which try of which task.
        since: a moment before the run began.
        cleared: the run, or a part of it, was cleared before this try.
        arguments: fingerprint of the dbt arguments that a retry of it runs with.
        last_try: the task has no further try by itself.
        producer_retries: how often the producer's task is tried again by itself.
        parents: the tasks of the node's parents, where this task does not wait for them anyway and they may be
            tried again.
        retry_window_s: how long others who ask are waited for.
    """

    question: Question
    task_id: str
    try_number: int
    since: datetime | None = None
    cleared: bool = False
    arguments: str | None = None
    last_try: bool = True
    producer_retries: int = 0
    parents: tuple[str, ...] = ()
    retry_window_s: float = 2.0

    def request(self, run: str) -> RetryRequested:
        """The event by which this try asks for its node; the same whenever it is made."""
        tests = isinstance(self.question, TestsQuestion)
        without = tuple(sorted(self.question.without)) if isinstance(self.question, TestsQuestion) else ()
        return RetryRequested(
            id=outside_event_id(run=run, attempt=1, what="retry.requested", key=f"{self.task_id}.{self.try_number}"),
            source="/heliograph/task",
            run=run,
            attempt=1,
            sequence=0,
            data=RetryRequestedData(
                nodes=(self.question.unique_id,),
                tests=tests,
                except_tests=without,
                requested_by=self.task_id,
                arguments=self.arguments,
            ),
        )


class NodeTry:
    """Waits for what becomes of one try."""

    def __init__(self, run: str, task: NodeTask, *, hub: Hub, surroundings: Surroundings) -> None:
        self._run = run
        self._task = task
        self._hub = hub
        self._around = surroundings

    async def resolve(self) -> Verdict | RunDbt:
        """The end of the task, or the order to run dbt.

        Raises:
            BusRefused, BusMissing: the log cannot be read without a change.
        """
        if self._task.try_number == 1 and not self._task.cleared:
            return await self._unless_undone(await self._wait(self._task.question))
        request = self._task.request(self._run)
        await self._ask_for_node(request)
        settled = await self._wait(SettledAttempts(question=self._task.question))
        question = RetryQuestion(question=self._task.question, request=request, settled=settled)
        never_began = await self._hear_producer()
        return never_began if never_began is not None else await self._resolve_again(question)

    async def _ask_for_node(self, request: RetryRequested) -> None:
        """Writes the request, and waits until it was read: then nothing that stood before it in the log is unknown."""
        try:
            await self._hub.write(request)
        except (BusRefused, BusMissing) as error:
            _log.warning("A worker will ask for the retry: this process may not write to the event log. %s", error)
        else:
            await self._wait(RequestRead(request=request.id))

    async def _resolve_again(self, question: RetryQuestion) -> Verdict | RunDbt:
        while True:
            step = await self._next_step(question)
            if isinstance(step, Verdict):
                return await self._unless_undone(step)
            if isinstance(step, (Ask, Lead)):
                decided = await self._take_lead(question)
                if decided is not None:
                    return decided
            elif isinstance(step, Follow):
                question = replace(question, following=step.leader)
            elif isinstance(step, Blocked):
                if await self._parents_settled():
                    reason = f"it was not run again, because {', '.join(step.by)} did not succeed"
                    return Verdict(end=End.FAILED, reason=reason)
                question = replace(question, blocked=True)
            else:
                question = await self._look_around(question)

    async def _take_lead(self, question: RetryQuestion) -> Verdict | RunDbt | None:
        # Tasks that were cleared together ask within seconds: one command is to serve them all.
        await asyncio.sleep(self._task.retry_window_s)
        if (never_began := await self._hear_producer()) is not None:
            return never_began
        still = await self._within(_RECHECK_S, question)
        return RunDbt(question.request) if isinstance(still, (Ask, Lead)) else None

    async def _next_step(self, question: RetryQuestion) -> Step | None:
        """The next step; None where it is time to ask after those who are waited for."""
        if question.following is None and not question.blocked:
            return await self._wait(question)
        return await self._within(_ASK_AFTER_S, question)

    async def _look_around(self, question: RetryQuestion) -> RetryQuestion:
        leader = question.following
        if leader is not None and not await self._around.may_lead(leader.data.requested_by or ""):
            passed_over = question.passed_over | {leader.id}
            return replace(question, following=None, blocked=False, passed_over=passed_over)
        return replace(question, blocked=False)

    async def _hear_producer(self) -> Verdict | None:
        """Waits while the producer's task is about to say what its try does.

        A producer that was cleared may run everything anew, and then nothing of before counts: until it has spoken,
        nothing is decided. Where it ended without a word, the run that was asked for does not exist.
        """
        while True:
            known = await self._wait(NewestAttempt())
            fate = await self._around.producer()
            if fate.gone:
                return await self._unheard()
            if fate is TaskFate.RUNS and known.number and not known.over:
                return None
            if fate is TaskFate.TO_COME:
                await self._wait(AttemptAfter(after=known.number))
            else:
                # Its task runs, its dbt does not: it is about to begin its first event, or to end.
                await self._within(_RECHECK_S, AttemptAfter(after=known.number))

    async def _unheard(self) -> Verdict | None:
        announced = await self._around.announced()
        if announced is not None and announced.attempt <= (await self._wait(NewestAttempt())).number:
            return None
        reason = "the producer's task ended before it began to run dbt; clear it, or the whole group, to run dbt again"
        return Verdict(end=End.FAILED, reason=reason)

    async def _unless_undone(self, verdict: Verdict) -> Verdict:
        """The verdict, unless it is a failure that another attempt follows, which this task would never hear of."""
        while verdict.end is End.FAILED and await self._another_attempt_began(verdict):
            verdict = await self._wait(self._task.question)
        return verdict

    async def _another_attempt_began(self, verdict: Verdict) -> bool:
        known = (await self._wait(NewestAttempt())).number
        if self._task.parents and _is_cascade(verdict):
            while not await self._parents_settled():
                if await self._within(_ASK_AFTER_S, AttemptAfter(after=known)):
                    return True
        if not (self._task.last_try and self._task.producer_retries):
            return False
        if known:
            await self._wait(AttemptOver(number=known))
        while not (fate := await self._around.producer()).gone:
            limit = None if fate is TaskFate.TO_COME else _RECHECK_S
            if await self._within(limit, AttemptAfter(after=known)):
                return True
        return False

    async def _parents_settled(self) -> bool:
        """Whether no parent brings about another attempt by itself: one failed for good, or all ended.

        All may have ended well, and a unit test of this node have kept it from running.
        """
        fates = await self._around.fates(self._task.parents)
        return TaskFate.FAILED in fates.values() or all(fate.gone for fate in fates.values())

    async def _wait(self, waiter: Waiter[T]) -> T:
        return await self._hub.wait(self._run, waiter, since=self._task.since, producer_check=self._around.producer)

    async def _within(self, limit_s: float | None, waiter: Waiter[T]) -> T | None:
        try:
            async with asyncio.timeout(limit_s):
                return await self._wait(waiter)
        except TimeoutError:
            return None


def _is_cascade(verdict: Verdict) -> bool:
    return verdict.node is not None and verdict.node.skip_reason is SkipReason.UPSTREAM_FAILED
