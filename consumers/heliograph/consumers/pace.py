"""The time between two events of a recorded run, as it is played."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

LONGEST_PAUSE_S: Final = 3.0
"""No silence is played for longer: a run that was retried a day later is still watched in minutes."""


class Pace:
    """Waits between events as their producer did, ``speed`` times as fast; ``speed`` None never waits.

    Times are the producer's clock: an event that is older than the one before it does not wait.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._last: datetime | None = None
        self._due_s = 0.0

    async def wait_for(self, moment: datetime) -> None:
        """Returns when it is the turn of an event of that moment."""
        if self._speed is None:
            return
        now_s = asyncio.get_running_loop().time()
        if self._last is None:
            self._last, self._due_s = moment, now_s
            return
        passed_s = max(moment - self._last, timedelta()).total_seconds() / self._speed
        self._last = max(self._last, moment)
        # Due by the play's own clock, so that the time spent on showing adds nothing.
        self._due_s = max(self._due_s + min(passed_s, LONGEST_PAUSE_S), now_s - LONGEST_PAUSE_S)
        if self._due_s > now_s:
            await asyncio.sleep(self._due_s - now_s)
