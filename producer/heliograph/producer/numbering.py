"""Events of one attempt, numbered without gaps in the order in which they are handed to the outbox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from heliograph.bus.events import (
    Event,
    NodeFinished,
    NodeStarted,
    RunAborted,
    RunFinished,
    RunHeartbeat,
    RunPlanned,
    RunStarted,
    event_id,
)
from heliograph.bus.payloads import (
    NodeFinishedData,
    NodeStartedData,
    Payload,
    RunAbortedData,
    RunFinishedData,
    RunHeartbeatData,
    RunPlannedData,
    RunStartedData,
)

_RUN_EVENTS: Final[dict[type[Payload], type[Event]]] = {
    RunStartedData: RunStarted,
    RunPlannedData: RunPlanned,
    RunHeartbeatData: RunHeartbeat,
    RunFinishedData: RunFinished,
    RunAbortedData: RunAborted,
}
_NODE_EVENTS: Final[dict[type[Payload], type[NodeStarted | NodeFinished]]] = {
    NodeStartedData: NodeStarted,
    NodeFinishedData: NodeFinished,
}


class EventNumbers:
    """Makes the events of one attempt. Any thread may tell; ``put`` gets them in the order of their numbers.

    Nothing is told after the attempt's last event: what comes later is dropped.
    """

    def __init__(self, *, run: str, attempt: int, source: str, put: Callable[[Event], None]) -> None:
        self._run = run
        self._attempt = attempt
        self._source = source
        self._put = put
        self._sequence = 0
        self._over = False
        self._lock = threading.Lock()

    def tell(self, data: Payload, *, subject: str | None = None) -> None:
        """Puts the event that carries ``data``."""
        with self._lock:
            if not self._over:
                self._next(data, subject)

    def tell_last(self, data_for: Callable[[int], RunFinishedData | RunAbortedData]) -> None:
        """Puts the attempt's last event; ``data_for`` is given its sequence."""
        with self._lock:
            if not self._over:
                self._next(data_for(self._sequence + 1), None)
                self._over = True

    def _next(self, data: Payload, subject: str | None) -> None:
        self._sequence += 1
        fields = {
            "id": event_id(run=self._run, attempt=self._attempt, sequence=self._sequence),
            "source": self._source,
            "subject": subject,
            "run": self._run,
            "attempt": self._attempt,
            "sequence": self._sequence,
            "data": data,
        }
        kind = _RUN_EVENTS.get(type(data)) or _NODE_EVENTS[type(data)]
        self._put(kind.model_validate(fields))
