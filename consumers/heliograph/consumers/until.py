"""Where a replay is to stop: behind an event, behind a node's end, or at a moment."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import ClassVar, Final, Protocol

from heliograph.bus.errors import HeliographError
from heliograph.bus.events import Event, NodeFinished
from heliograph.bus.run_state import RunState

_SEQUENCE: Final = re.compile(r"^(?P<attempt>\d+)\.(?P<sequence>\d+)$")


class NotReached(HeliographError):
    """The run ended before the place where it was to stop."""


class Stop(Protocol):
    """A place to stop at.

    Attributes:
        must_be_reached: a run that ends before it does not have it.
    """

    must_be_reached: ClassVar[bool]

    def before(self, event: Event) -> bool:
        """Stop without this event."""
        ...

    def after(self, event: Event) -> bool:
        """Stop with this event as the last."""
        ...


class _Behind:
    """Stops behind an event; never in front of one."""

    must_be_reached: ClassVar[bool] = True

    def before(self, event: Event) -> bool:  # noqa: ARG002  # part of the protocol
        return False


class _Before:
    """Stops in front of an event; never behind one."""

    must_be_reached: ClassVar[bool] = False

    def after(self, event: Event) -> bool:  # noqa: ARG002  # part of the protocol
        return False


@dataclass(slots=True)
class AfterEvents(_Behind):
    """Behind the ``count``-th event of the run in log order."""

    count: int

    def after(self, event: Event) -> bool:  # noqa: ARG002  # part of the protocol
        self.count -= 1
        return self.count <= 0


@dataclass(frozen=True, slots=True)
class AfterSequence(_Behind):
    """Behind one numbered event of one attempt."""

    attempt: int
    sequence: int

    def after(self, event: Event) -> bool:
        return (event.attempt, event.sequence) == (self.attempt, self.sequence)


@dataclass(frozen=True, slots=True)
class AfterNode(_Behind):
    """Behind the first end of a node, given by its unique id or name."""

    node: str

    def after(self, event: Event) -> bool:
        return isinstance(event, NodeFinished) and self.node in (event.subject, event.data.name)


@dataclass(frozen=True, slots=True)
class AtMoment(_Before):
    """Before the first event that is later."""

    moment: datetime

    def before(self, event: Event) -> bool:
        return event.time > self.moment


@dataclass(slots=True)
class AtTimeOfDay(_Before):
    """As ``AtMoment``, on the local day on which the run began."""

    clock: time
    _at: AtMoment | None = None

    def before(self, event: Event) -> bool:
        if self._at is None:
            day = event.time.astimezone()
            self._at = AtMoment(datetime.combine(day.date(), self.clock, tzinfo=self.clock.tzinfo or day.tzinfo))
        return self._at.before(event)


def parse(text: str) -> Stop:
    """What was typed: ``17`` (events), ``2.5`` (attempt and sequence), a moment, a time of day, or else a node.

    A moment without a zone is local time.
    """
    if text.isdecimal():
        return AfterEvents(int(text))
    if match := _SEQUENCE.match(text):
        return AfterSequence(int(match["attempt"]), int(match["sequence"]))
    try:
        return AtTimeOfDay(time.fromisoformat(text))
    except ValueError:
        pass
    try:
        return AtMoment(datetime.fromisoformat(text).astimezone())
    except ValueError:
        return AfterNode(text)


def not_reached(text: str, state: RunState) -> NotReached:
    """The error for a place that the run, read to its end, does not have."""
    nodes = {name for attempt in state.attempts.values() for name in attempt.plan}
    near = difflib.get_close_matches(text, nodes, n=3, cutoff=0.5)
    return NotReached(
        f"The run ends before {text!r}: it is no node that ended, no number of an event and no moment of it",
        setting="--until",
        fix="give a number of events, ATTEMPT.SEQUENCE, a time, or a node's unique id or name"
        + (f", e.g. {', '.join(near)}" if near else ""),
    )
