"""What a retried or cleared task is to do next: the rules of retries, as a function of the run state.

A task asks for its node by a ``retry.requested`` event. Of those who ask, one leads: it runs one dbt command for all of
them. Who leads is only a matter of economy; that no two commands run at once, the claims see to (``claims``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from heliograph.bus.events import RetryRequested
from heliograph.bus.run_state import RunState
from heliograph.consumers.attempts import begun
from heliograph.consumers.decision import End, NodeQuestion, TestsQuestion, Verdict
from heliograph.consumers.retry_plan import blockers, requested, succeeded
from heliograph.consumers.standing import newest_first, open_end

Question = NodeQuestion | TestsQuestion


@dataclass(frozen=True, slots=True)
class Ask:
    """Nobody runs the node again, and nobody asked for it."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Run one dbt command for all who ask."""


@dataclass(frozen=True, slots=True)
class Follow:
    """Another task leads."""

    leader: RetryRequested


@dataclass(frozen=True, slots=True)
class Blocked:
    """The node cannot run before these are run again."""

    by: tuple[str, ...]


Step = Verdict | Ask | Lead | Follow | Blocked


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryQuestion:
    """What is this try of a task to do?

    Attributes:
        question: how the node, or its tests, ended.
        request: the event by which this try asks.
        settled: the attempts from which nothing more was to come when the try began: their failures are why there
            is another try, and no answer to it.
        passed_over: requests whose tasks are known to be gone.
        following, blocked: what was already answered and is not to be answered again.
    """

    question: Question
    request: RetryRequested
    settled: frozenset[int] = frozenset()
    passed_over: frozenset[str] = frozenset()
    following: RetryRequested | None = None
    blocked: bool = False

    def subjects(self, state: RunState) -> Collection[str]:
        """Those of the question."""
        return self.question.subjects(state)

    def decide(self, state: RunState) -> Step | None:
        """The next step, or None while there is nothing to do but to wait."""
        verdict = self.question.decide(state)
        if verdict is not None and (verdict.end is not End.FAILED or self._answered(state)):
            return verdict
        if any(open_end(attempt) for attempt in newest_first(state, 1)):
            return None
        by = blockers(state, requested(state, [self.request]))
        if by:
            return None if self.blocked else Blocked(by)
        if self.request.id not in state.retries:
            return Ask()
        leader = leading_request(state, like=self.request, passed_over=self.passed_over)
        if leader is None or leader.id == self.request.id:
            return Lead()
        return None if self.following is not None and leader.id == self.following.id else Follow(leader)

    def _answered(self, state: RunState) -> bool:
        """Whether an attempt that this try asked for, or met, has told of the node, or ended without."""
        for attempt in newest_first(state, 1):
            asked_for = attempt.started is not None and self.request.id in attempt.started.data.answers
            if asked_for and attempt.over:
                return True
            if attempt.attempt not in self.settled and tells_of(state, self.question, attempt.attempt):
                return True
        return False


def tells_of(state: RunState, question: Question, attempt: int) -> bool:
    """Whether the attempt has told everything it planned to tell of what the question is about."""
    known = state.attempts[attempt]
    subjects = [one for one in question.subjects(state) if one in known.plan or one in known.nodes_finished]
    return bool(subjects) and all(one in known.nodes_finished for one in subjects)


def open_requests(state: RunState, *, like: RetryRequested | None = None) -> list[RetryRequested]:
    """The requests that no attempt answered and that still matter, the oldest first.

    Of one task's requests only the newest counts, and none for what has succeeded meanwhile.

    ``like``: only those that can be answered by the same dbt command as this one.
    """
    answered = {
        request
        for attempt in state.attempts.values()
        if attempt.started is not None
        for request in attempt.started.data.answers
    }
    newest: dict[str, RetryRequested] = {}
    for request in sorted(state.retries.values(), key=_age):
        newest[request.data.requested_by or request.id] = request
    return sorted(
        (
            request
            for request in newest.values()
            if request.id not in answered
            and (like is None or request.data.arguments == like.data.arguments)
            and not _is_moot(state, request)
        ),
        key=_age,
    )


def leading_request(
    state: RunState, *, like: RetryRequested, passed_over: Collection[str] = ()
) -> RetryRequested | None:
    """The oldest open request whose task is not known to be gone."""
    return next((one for one in open_requests(state, like=like) if one.id not in passed_over), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledAttempts:
    """From which attempts is nothing more to come? Answered as soon as the log's past is read."""

    question: Question

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None."""
        return ()

    def decide(self, state: RunState) -> frozenset[int]:
        """Their numbers, as far as is known now."""
        return frozenset(
            number
            for number, attempt in state.attempts.items()
            if begun(attempt) and (attempt.over or tells_of(state, self.question, number))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRead:
    """Was this request read? Then everything that stands before it in the log was."""

    request: str

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None: a request wakes everyone."""
        return ()

    def decide(self, state: RunState) -> bool | None:
        """True, or None while it was not."""
        return True if self.request in state.retries else None


def _is_moot(state: RunState, request: RetryRequested) -> bool:
    wanted = requested(state, [request])
    return bool(wanted) and all(succeeded(state, unique_id) for unique_id in wanted)


def _age(request: RetryRequested) -> tuple[float, str]:
    return request.time.timestamp(), request.id
