"""The producer's way into the event log: the spool, and what its first answer was."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from heliograph.bus.errors import BusMissing, BusRefused, HeliographError, UndeliveredEvents
from heliograph.bus.events import Event
from heliograph.bus.log import EventAppender
from heliograph.bus.spool import Spool


class _FirstAnswer:
    """Passes ``append`` on and remembers how the log answered the first time."""

    def __init__(self, log: EventAppender) -> None:
        self._log = log
        self.given = threading.Event()
        self.refusal: HeliographError | None = None

    def append(self, events: Sequence[Event]) -> None:
        try:
            self._log.append(events)
        except (BusRefused, BusMissing) as error:
            self.refusal = error
            raise
        finally:
            self.given.set()


class Outbox:
    """Takes events at once and delivers them in the background. ``put`` is for any thread."""

    def __init__(self, log: EventAppender) -> None:
        self._first = _FirstAnswer(log)
        self._spool = Spool(self._first)
        self.put = self._spool.put

    @property
    def depth(self) -> int:
        """Events that the log has not confirmed."""
        return self._spool.depth

    def check(self, timeout_s: float) -> None:
        """Waits for the log's first answer, for at most ``timeout_s``: long enough to meet a wrong setting early.

        A log that does not answer now is no reason not to begin.

        Raises:
            BusRefused, BusMissing: trying again will not help.
        """
        self._first.given.wait(timeout_s)
        if self._first.refusal is not None:
            raise self._first.refusal

    def close(self, timeout_s: float) -> UndeliveredEvents | None:
        """Delivers what is left within the limit; the error that says what was not."""
        try:
            self._spool.close(timeout_s)
        except UndeliveredEvents as error:
            return error
        return None
