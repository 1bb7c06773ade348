"""The one timer of a followed run: when its past is read, when a producer is dead, when a gap is final."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import Final

from heliograph.bus.errors import BusError
from heliograph.bus.run_state import AttemptState
from heliograph.consumers.attempts import newest_begun
from heliograph.consumers.gaps import describe_gap, gap_is_open, has_gap
from heliograph.consumers.liveness import lease_of
from heliograph.consumers.run_follower import RunFollower
from heliograph.consumers.surroundings import TaskFate
from heliograph.consumers.waiting import ProducerCheck

# Below this a timer would only spin.
_SHORTEST_S = 0.01
# A loop that was this late (a stopped process, a blocked loop) could not hear the producer either.
_STALL_S = 2.0
# A producer check that hangs must not keep leases and gaps from being watched.
_CHECK_LIMIT_S = 60.0

# A producer that is said to run and is not heard is as dead: its machine may be gone, and who waits is told in time.
_WILL_NOT_SPEAK: Final[dict[TaskFate | None, str]] = {
    TaskFate.RUNS: "the producer's task is said to run, and nothing is heard of it",
    TaskFate.SUCCEEDED: "the producer's task ended",
    TaskFate.FAILED: "the producer's task failed or was ended",
}

_log = logging.getLogger(__name__)


class Watch:
    """Looks after one run while someone waits for it. All moments are of the follower's clock."""

    def __init__(self, follower: RunFollower) -> None:
        self._follower = follower
        self._timing = follower.timing
        self._asked_at = follower.clock()
        self._gap_seen_at: dict[int, float] = {}
        self._reread: set[int] = set()

    async def keep(self) -> None:
        """Looks whenever something is due or a run-level event came; never returns."""
        follower = self._follower
        while True:
            follower.changed.clear()
            delay = max(await self._look(), _SHORTEST_S) if follower.room else None
            expected_by = follower.clock() + delay if delay is not None else math.inf
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await follower.changed.wait()
            if follower.clock() > expected_by + _STALL_S:
                follower.liveness.listening_since = follower.clock()

    async def _look(self) -> float:
        """Does what is due; seconds until something may be due again."""
        connected_since = self._follower.log.connected_since
        if connected_since is None:
            return self._timing.settle_s
        if not self._follower.settled:
            quiet_for = await self._settle(connected_since)
            if quiet_for is not None:
                return quiet_for
        due = [
            *await self._leases(connected_since),
            *await self._beginning(connected_since),
            *await self._gaps(connected_since),
        ]
        return min(due, default=self._timing.lease_check_interval_s)

    async def _settle(self, connected_since: float) -> float | None:
        follower, timing = self._follower, self._timing
        listening_since = max(connected_since, follower.liveness.listening_since)
        settled_at = min(
            max(listening_since, follower.folded_at) + timing.settle_s, listening_since + timing.settle_limit_s
        )
        if (rest := settled_at - follower.clock()) > 0:
            return rest
        await follower.settle()
        return None

    async def _leases(self, connected_since: float) -> list[float]:
        """Takes attempts whose lease expired for lost, unless their producer is known to be started again."""
        follower = self._follower
        rests = []
        for attempt, expires in list(follower.liveness.deadlines(follower.state, connected_since)):
            if (rest := expires - follower.clock()) > 0:
                rests.append(rest)
                continue
            # A producer that began a newer attempt will not go on with an older one: nobody needs to be asked.
            newest = attempt is newest_begun(follower.state)
            check = follower.room.producer_check() if newest else None
            silence = f"no event came for {lease_of(attempt):g} s (its lease)"
            if check is None:
                await follower.lose(attempt.attempt, f"nothing is heard of the producer: {silence}")
            elif (rest := self._asked_at + self._timing.lease_check_interval_s - follower.clock()) > 0:
                rests.append(rest)
            else:
                rests.append(self._timing.lease_check_interval_s)
                fate = await self._ask(check)
                if fate in _WILL_NOT_SPEAK and not self._heard_since(attempt, expires):
                    await follower.lose(attempt.attempt, f"{_WILL_NOT_SPEAK[fate]}; {silence}")
        return rests

    def _heard_since(self, attempt: AttemptState, expires: float) -> bool:
        heard = self._follower.liveness.heard.get(attempt.attempt)
        return attempt.over or (heard is not None and heard + lease_of(attempt) > expires)

    async def _beginning(self, connected_since: float) -> list[float]:
        """Asks after a producer that someone waits for and that has not begun its attempt."""
        follower = self._follower
        newest = newest_begun(follower.state)
        if newest is not None and (not newest.over or gap_is_open(newest)):
            return []
        awaited = newest.attempt + 1 if newest is not None else 1
        known = follower.state.attempts.get(awaited)
        check = follower.room.producer_check()
        if check is None or (known is not None and known.lost is not None):
            return []
        asked_at = max(self._asked_at, connected_since, follower.folded_at)
        if (rest := asked_at + self._timing.lease_check_interval_s - follower.clock()) > 0:
            return [rest]
        fate = await self._ask(check)
        if fate is not None and fate.gone and newest is newest_begun(follower.state):
            await follower.lose(awaited, "the producer's task ended before it ran dbt")
        return [self._timing.lease_check_interval_s]

    async def _gaps(self, connected_since: float) -> list[float]:
        """Re-reads the log once for events that are missing, and gives them up after the limit."""
        follower, timing = self._follower, self._timing
        rests = []
        for attempt in [a for a in follower.state.attempts.values() if gap_is_open(a)]:
            seen_at = max(self._gap_seen_at.setdefault(attempt.attempt, follower.clock()), connected_since)
            waited = follower.clock() - seen_at
            if waited >= timing.gap_limit_s:
                reason = f"events {describe_gap(attempt)} of attempt {attempt.attempt} never arrived"
                await follower.lose(attempt.attempt, reason)
            elif attempt.attempt in self._reread:
                rests.append(timing.gap_limit_s - waited)
            elif waited >= timing.gap_reread_s:
                self._reread.add(attempt.attempt)
                await self._heal(attempt)
                rests.append(timing.gap_limit_s - waited)
            else:
                rests.append(timing.gap_reread_s - waited)
        return rests

    async def _heal(self, attempt: AttemptState) -> None:
        run, missing = self._follower.run, describe_gap(attempt)
        try:
            await self._follower.reread()
        except BusError as error:
            _log.warning("Run %s: could not re-read the log for missing events: %s", run, error)
        outcome = "and are not in the log" if has_gap(attempt) else "and were found by re-reading the log"
        _log.warning("Run %s: events %s of attempt %d did not arrive %s", run, missing, attempt.attempt, outcome)

    async def _ask(self, check: ProducerCheck) -> TaskFate | None:
        try:
            async with asyncio.timeout(_CHECK_LIMIT_S):
                return await check()
        except Exception as error:  # noqa: BLE001  # the check is the caller's; its fault is no news of the producer
            _log.warning("Run %s: could not ask after the producer: %r", self._follower.run, error)
            return None
        finally:
            self._asked_at = self._follower.clock()
