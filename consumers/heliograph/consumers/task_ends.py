"""What the task of each node is told, and when: the triggers' own questions, asked as the events come.

A task that failed asks anew with every further attempt, as a retried task does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from heliograph.bus.events import Event, NodeFinished, NodeStarted, RetryRequested, RunHeartbeat, RunPlanned, RunStarted
from heliograph.bus.run_state import TEST_TYPES, RunState
from heliograph.consumers.decision import NodeQuestion, TestsQuestion
from heliograph.consumers.verdict import End, Verdict

Question = NodeQuestion | TestsQuestion


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A task's end.

    Attributes:
        unique_id: the node.
        tests: it is the task of the node's tests, not the node's own.
        verdict: what the task was told.
    """

    unique_id: str
    tests: bool
    verdict: Verdict


class TaskEnds:
    """Asks for each planned node that is no test, and for the tests of each node that has some.

    Attributes:
        told: the last verdict of each task, by (unique id, whether it is the task of the tests).
    """

    def __init__(self, state: RunState) -> None:
        self.told: dict[tuple[str, bool], Verdict] = {}
        self._state = state
        self._open: dict[tuple[str, bool], Question] = {}
        self._attempt = 0
        self._complete: set[int] = set()

    @property
    def undecided(self) -> list[tuple[str, bool]]:
        """The tasks that still wait."""
        return list(self._open)

    def take(self, event: Event) -> list[Told]:
        """The tasks that end with this event, which the state has folded in."""
        if isinstance(event, RunStarted):
            self._ask_again(event)
        elif isinstance(event, RunPlanned):
            self._open_planned(event)
        return list(self._answers(self._concerned(event)))

    def _concerned(self, event: Event) -> list[tuple[str, bool]]:
        """The tasks whose answer the event may bring: a node's own end concerns few, a run-level event all."""
        attempt = self._state.attempts.get(event.attempt)
        if attempt is not None and attempt.complete and attempt.attempt not in self._complete:
            self._complete.add(attempt.attempt)
            return list(self._open)
        if isinstance(event, (NodeStarted, RunHeartbeat, RetryRequested)):
            return []
        if not isinstance(event, NodeFinished):
            return list(self._open)
        if event.data.resource_type not in TEST_TYPES:
            return [(event.subject, False)]
        planned = attempt.plan.get(event.subject) if attempt is not None else None
        return [(parent, True) for parent in planned.depends_on] if planned is not None else []

    def _answers(self, concerned: Iterable[tuple[str, bool]]) -> Iterator[Told]:
        for key in concerned:
            question = self._open.get(key)
            verdict = question.decide(self._state) if question is not None else None
            if verdict is None:
                continue
            del self._open[key]
            known = self.told.get(key)
            self.told[key] = verdict
            if known is None or (known.end, known.attempt) != (verdict.end, verdict.attempt):
                yield Told(unique_id=key[0], tests=key[1], verdict=verdict)

    def _open_planned(self, event: RunPlanned) -> None:
        for node in event.data.nodes:
            if node.resource_type not in TEST_TYPES:
                self._ask((node.unique_id, False))
        for parent in self._state.attempts[event.attempt].tests_of:
            self._ask((parent, True))

    def _ask_again(self, event: RunStarted) -> None:
        if event.attempt <= self._attempt:
            return
        self._attempt = event.attempt
        for key, verdict in self.told.items():
            if event.data.fresh or verdict.end is End.FAILED:
                self._open[key] = _question(key)

    def _ask(self, key: tuple[str, bool]) -> None:
        if key not in self.told:
            self._open.setdefault(key, _question(key))


def _question(key: tuple[str, bool]) -> Question:
    unique_id, tests = key
    return TestsQuestion(unique_id) if tests else NodeQuestion(unique_id)
