"""The event-log port: what every bus implementation offers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from heliograph.bus.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An event and its place in the log. ``offset`` only grows within one log."""

    offset: int
    event: Event


class EventAppender(Protocol):
    """What a spool needs of a log: ``append`` as ``EventLog`` has it."""

    def append(self, events: Sequence[Event]) -> None:
        """See ``EventLog.append``."""
        ...


class EventLog(Protocol):
    """One append-only log of events.

    Writing is synchronous: it is called from the producer's publishing thread. Reading is asynchronous: it is
    called from the loop of a triggerer or a command. One object may be used for both sides, each side from one
    thread or loop. Construction does not connect; the first use does.
    """

    def append(self, events: Sequence[Event]) -> None:
        """Appends in order and returns when the log holds all of them durably.

        Raises:
            BusUnavailable: the log does not answer; appending the same events again is safe (equal ids are
                duplicates, which the fold ignores).
            BusRefused, BusMissing: appending again will not help without a change.
        """
        ...

    def close(self) -> None:
        """Closes the writing side. Idempotent."""
        ...

    def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        """The events of ``run`` that the log holds now, in log order, from behind offset ``after``; then ends.

        Raises: as ``follow``.
        """
        ...

    def read_all(self, *, after: int | None = None, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        """The events of all runs that the log holds now, in log order, from behind offset ``after``; then ends.

        ``since`` saves reading what was appended before it (a margin for clocks is added inside); earlier events may
        come too. Events it cannot read, also those of a newer version, are counted and passed over: one run must not
        hide the others.

        Raises:
            BusUnavailable, BusRefused, BusMissing: the log cannot be read.
        """
        ...

    def follow(self, run: str, *, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        """The events of ``run`` in log order, past and to come, without end; at-least-once.

        ``since``: a moment before the run began (a margin for clocks is added inside); None is the log's beginning.
        Survives a log that goes away and comes back: it goes on behind the last offset it gave. Events it cannot
        read are counted and passed over.

        Raises:
            BusRefused, BusMissing: going on will not help without a change.
            NewerEventVersion: the run holds an event this version cannot understand.
        """
        ...

    @property
    def connected_since(self) -> float | None:
        """``time.monotonic()`` of when the reading side last (re)connected; None while it is not connected.

        Silence proves nothing about a producer while the reader itself is cut off.
        """
        ...

    async def aclose(self) -> None:
        """Closes the reading side. Idempotent."""
        ...
