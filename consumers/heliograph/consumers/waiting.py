"""Who waits for what: the questions asked about one run, found by the nodes they are about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from heliograph.bus.run_state import RunState
from heliograph.consumers.surroundings import TaskFate

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ProducerCheck = Callable[[], Awaitable[TaskFate]]
"""Asks the orchestrator what may still be expected of the run's producer."""


class Waiter(Protocol[T_co]):
    """One task's question about a run."""

    def subjects(self, state: RunState) -> Collection[str]:
        """The unique ids whose events may change the answer; asked again after each run-level event."""
        ...

    def decide(self, state: RunState) -> T_co | None:
        """The answer, or None while there is none. Pure, cheap, never blocks, never raises."""
        ...


@dataclass(eq=False, kw_only=True, slots=True)
class Waiting(Generic[T]):
    """A waiter and the place its answer goes to."""

    waiter: Waiter[T]
    answer: asyncio.Future[T]
    producer_check: ProducerCheck | None = None
    subjects: frozenset[str] = frozenset()

    def decide(self, state: RunState) -> bool:
        """Asks the waiter; True once the answer is there."""
        if self.answer.done():
            return True
        try:
            answer = self.waiter.decide(state)
        except Exception as error:  # noqa: BLE001  # a waiter's own fault must end that waiter, not all of the run
            self.answer.set_exception(error)
            return True
        if answer is None:
            return False
        self.answer.set_result(answer)
        return True


class WaitingRoom:
    """The waiting of one run, by subject. Every operation costs only what it touches."""

    def __init__(self) -> None:
        # Dictionaries as sets that keep order, so that waking is fair and repeatable.
        self._everyone: dict[Waiting[Any], None] = {}
        self._by_subject: dict[str, dict[Waiting[Any], None]] = {}

    def __len__(self) -> int:
        return len(self._everyone)

    def enter(self, waiting: Waiting[Any], state: RunState) -> None:
        """Takes the waiting in."""
        self._everyone[waiting] = None
        self.ask_subjects(waiting, state)

    def leave(self, waiting: Waiting[Any]) -> None:
        """Forgets the waiting. Idempotent."""
        self._everyone.pop(waiting, None)
        self._index(waiting, frozenset())

    def ask_subjects(self, waiting: Waiting[Any], state: RunState) -> None:
        """Asks the waiter anew whose events concern it."""
        self._index(waiting, frozenset(waiting.waiter.subjects(state)))

    def about(self, subject: str) -> list[Waiting[Any]]:
        """Those who named the subject."""
        return list(self._by_subject.get(subject, ()))

    def everyone(self) -> list[Waiting[Any]]:
        """All of them, in the order they came."""
        return list(self._everyone)

    def producer_check(self) -> ProducerCheck | None:
        """A producer check that someone brought."""
        return next((waiting.producer_check for waiting in self._everyone if waiting.producer_check is not None), None)

    def _index(self, waiting: Waiting[Any], subjects: frozenset[str]) -> None:
        for subject in waiting.subjects - subjects:
            named = self._by_subject[subject]
            del named[waiting]
            if not named:
                del self._by_subject[subject]
        for subject in subjects - waiting.subjects:
            self._by_subject.setdefault(subject, {})[waiting] = None
        waiting.subjects = subjects
