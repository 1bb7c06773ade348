"""The run state: a fold of events. Triggers, replay, timeline and tests all use this one.

The state depends on the set of events applied, not on their order or repetition (invariant I3): where two events
of one attempt say something about the same thing, the one with the higher sequence is believed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from heliograph.bus.events import (
    AttemptClaimed,
    BaseEvent,
    CancelRequested,
    Event,
    NodeFinished,
    NodeStarted,
    RetryRequested,
    RunAborted,
    RunFinished,
    RunHeartbeat,
    RunLost,
    RunPlanned,
    RunStarted,
)
from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode

_E = TypeVar("_E", bound=BaseEvent)

TEST_TYPES: Final = frozenset({"test", "unit_test"})
"""dbt's resource types of nodes that test another node."""


class Phase(StrEnum):
    """Where an attempt stands."""

    UNKNOWN = "unknown"
    STARTED = "started"
    PLANNED = "planned"
    FINISHED = "finished"
    ABORTED = "aborted"
    LOST = "lost"


@dataclass(kw_only=True, slots=True)
class SequenceSet:
    """Which sequences of an attempt were seen, in memory that grows only with gaps."""

    contiguous: int = 0
    beyond: set[int] = field(default_factory=set)
    highest: int = 0

    def add(self, sequence: int) -> bool:
        """Takes ``sequence`` in; False if it was there."""
        if sequence <= self.contiguous or sequence in self.beyond:
            return False
        self.beyond.add(sequence)
        self.highest = max(self.highest, sequence)
        while self.contiguous + 1 in self.beyond:
            self.contiguous += 1
            self.beyond.remove(self.contiguous)
        return True

    def missing(self, last: int | None = None) -> list[int]:
        """The sequences not seen up to ``last``, or up to the highest that was seen."""
        highest = last if last is not None else self.highest
        return [s for s in range(self.contiguous + 1, highest + 1) if s not in self.beyond]


@dataclass(kw_only=True, slots=True)
class AttemptState:
    """What is known of one attempt of a run."""

    attempt: int
    sequences: SequenceSet = field(default_factory=SequenceSet)
    started: RunStarted | None = None
    planned: RunPlanned | None = None
    finished: RunFinished | None = None
    aborted: RunAborted | None = None
    lost: RunLost | None = None
    heartbeat: RunHeartbeat | None = None
    cancel: CancelRequested | None = None
    nodes_started: dict[str, NodeStarted] = field(default_factory=dict)
    nodes_finished: dict[str, NodeFinished] = field(default_factory=dict)
    plan: dict[str, PlannedNode] = field(default_factory=dict)
    tests_of: dict[str, list[str]] = field(default_factory=dict)
    """The planned tests by the node they test, in the plan's order; a test of several nodes stands under each."""

    @property
    def phase(self) -> Phase:
        """``finished`` beats ``aborted`` beats ``lost``: what the producer says itself is believed first."""
        if self.finished is not None:
            return Phase.FINISHED
        if self.aborted is not None:
            return Phase.ABORTED
        if self.loss is not None:
            return Phase.LOST
        if self.planned is not None:
            return Phase.PLANNED
        if self.started is not None:
            return Phase.STARTED
        return Phase.UNKNOWN

    @property
    def loss(self) -> RunLost | None:
        """The finding that the producer is dead, as long as nothing it said later refutes it."""
        if self.lost is None:
            return None
        heard = self.lost.data.heard_up_to
        return self.lost if heard is None or self.sequences.highest <= heard else None

    @property
    def over(self) -> bool:
        """No more events of the producer are to be expected, late ones aside."""
        return self.phase in (Phase.FINISHED, Phase.ABORTED, Phase.LOST)

    @property
    def last_sequence(self) -> int | None:
        """The last sequence of the attempt, once the producer told it."""
        if self.finished is not None:
            return self.finished.data.last_sequence
        if self.aborted is not None:
            return self.aborted.data.last_sequence
        return None

    @property
    def missing(self) -> list[int]:
        """Sequences that were published and not yet seen."""
        return self.sequences.missing(self.last_sequence)

    @property
    def complete(self) -> bool:
        """The producer told its last sequence and every event up to it was seen."""
        return self.last_sequence is not None and self.sequences.contiguous >= self.last_sequence

    def result(self, unique_id: str) -> NodeFinishedData | None:
        """How the node ended in this attempt, if it did."""
        event = self.nodes_finished.get(unique_id)
        return event.data if event is not None else None

    def counts(self) -> dict[Outcome, int]:
        """How many nodes ended in each way."""
        counts: dict[Outcome, int] = {}
        for event in self.nodes_finished.values():
            counts[event.data.outcome] = counts.get(event.data.outcome, 0) + 1
        return counts


@dataclass(kw_only=True, slots=True)
class RunState:
    """What is known of one run, over all its attempts."""

    run: str
    attempts: dict[int, AttemptState] = field(default_factory=dict)
    retries: dict[str, RetryRequested] = field(default_factory=dict)
    claims: dict[str, AttemptClaimed] = field(default_factory=dict)

    def apply(self, event: Event) -> bool:
        """Folds the event in; False if it changed nothing (a duplicate, an older word, another run's event)."""
        if event.run != self.run:
            return False
        if isinstance(event, RetryRequested):
            return _keep(self.retries, event.id, event)
        if isinstance(event, AttemptClaimed):
            return _keep(self.claims, event.id, event)
        attempt = self.attempts.get(event.attempt)
        if attempt is None:
            attempt = self.attempts[event.attempt] = AttemptState(attempt=event.attempt)
        new = not event.counted or attempt.sequences.add(event.sequence)
        return _fold(attempt, event) or (new and event.counted)

    @property
    def latest(self) -> AttemptState | None:
        """The newest attempt of which anything is known."""
        return self.attempts[max(self.attempts)] if self.attempts else None

    @property
    def counting_from(self) -> int:
        """The newest attempt that ran the whole command anew: what was reported before it counts no longer."""
        fresh = (
            number
            for number, attempt in self.attempts.items()
            if attempt.started is not None and attempt.started.data.fresh
        )
        return max(fresh, default=1)

    def result(self, unique_id: str) -> NodeFinishedData | None:
        """How the node ended in the newest attempt that counts and in which it ended."""
        for number in sorted((n for n in self.attempts if n >= self.counting_from), reverse=True):
            found = self.attempts[number].result(unique_id)
            if found is not None:
                return found
        return None


# Events of which an attempt keeps one, by the field that keeps it.
_SINGLE: Final[dict[type[BaseEvent], str]] = {
    RunStarted: "started",
    RunPlanned: "planned",
    RunHeartbeat: "heartbeat",
    RunFinished: "finished",
    RunAborted: "aborted",
    RunLost: "lost",
    CancelRequested: "cancel",
}


def _fold(state: AttemptState, event: Event) -> bool:
    if isinstance(event, NodeStarted):
        return _keep(state.nodes_started, event.subject, event)
    if isinstance(event, NodeFinished):
        return _keep(state.nodes_finished, event.subject, event)
    field_name = _SINGLE.get(type(event))
    if field_name is None or not _newer(event, getattr(state, field_name)):
        return False
    setattr(state, field_name, event)
    if isinstance(event, RunPlanned):
        state.plan = {node.unique_id: node for node in event.data.nodes}
        state.tests_of = _tests_of(event.data.nodes)
    return True


def _tests_of(nodes: Iterable[PlannedNode]) -> dict[str, list[str]]:
    tests_of: dict[str, list[str]] = {}
    for node in nodes:
        if node.resource_type in TEST_TYPES:
            for parent in dict.fromkeys(node.depends_on):
                tests_of.setdefault(parent, []).append(node.unique_id)
    return tests_of


def _newer(event: BaseEvent, known: BaseEvent | None) -> bool:
    # Ids break the tie of events outside the counter, so that order never decides.
    return known is None or (_weight(event), event.id) > (_weight(known), known.id)


def _weight(event: BaseEvent) -> float:
    """Of two findings of a loss, the one that heard more is harder to refute."""
    if isinstance(event, RunLost):
        return math.inf if event.data.heard_up_to is None else event.data.heard_up_to
    return event.sequence


def _keep(known: dict[str, _E], key: str, event: _E) -> bool:
    if not _newer(event, known.get(key)):
        return False
    known[key] = event
    return True
