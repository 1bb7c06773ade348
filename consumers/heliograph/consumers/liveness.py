"""When silence means death: the leases of a run's attempts, free of any event loop.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from heliograph.bus.events import Event
from heliograph.bus.payloads import RunStartedData
from heliograph.bus.run_state import AttemptState, RunState
from heliograph.consumers.attempts import begun

DEFAULT_LEASE_S: float = RunStartedData.model_fields["lease_s"].default


def lease_of(attempt: AttemptState) -> float:
    """Seconds of silence after which the attempt's producer is taken for dead."""
    return attempt.started.data.lease_s if attempt.started is not None else DEFAULT_LEASE_S


@dataclass(kw_only=True, slots=True)
class Liveness:
    """When each attempt's producer was last heard.

    ``listening_since``: when this reader began to listen, or last was deaf.
    """

    listening_since: float
    heard: dict[int, float] = field(default_factory=dict)

    def hear(self, event: Event, now: float) -> None:
        """Takes note of an event; only the producer's own prove that it lives."""
        if event.counted:
            self.heard[event.attempt] = now

    def deadlines(self, state: RunState, connected_since: float) -> Iterator[tuple[AttemptState, float]]:
        """The attempts that are not over, each with the moment its lease expires if nothing more is heard."""
        for number, attempt in state.attempts.items():
            if begun(attempt) and not attempt.over:
                # What was said before this reader listened, or while it was cut off, it could not hear.
                deaf_until = max(self.listening_since, connected_since)
                yield attempt, max(self.heard.get(number, deaf_until), deaf_until) + lease_of(attempt)
