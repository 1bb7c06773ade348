"""Claiming the next attempt of a run, so that never two dbt commands of one run go on at once.

Whoever is about to run dbt again writes an ``attempt.claimed`` event. The log's order of claims numbers the attempts,
and each claimant waits until every attempt before its own is over, or its producer is silent for its lease.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ulid import ULID

from heliograph.bus.errors import BusUnavailable
from heliograph.bus.events import AttemptClaimed, outside_event_id
from heliograph.bus.log import EventLog
from heliograph.bus.payloads import AttemptClaimedData
from heliograph.bus.run_state import RunState
from heliograph.consumers.attempts import AllBegun, AllOverBefore, begun
from heliograph.consumers.hub import Hub
from heliograph.consumers.liveness import DEFAULT_LEASE_S

_READ_LIMIT_S: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The attempt that the claimant may run now, and the run's state before it."""

    attempt: int
    state: RunState


async def claim_attempt(
    log: EventLog, hub: Hub, run: str, *, claimed_by: str, since: datetime, lease_s: float = DEFAULT_LEASE_S
) -> Claim:
    """Takes the next attempt and waits until it may begin.

    Args:
        log: read beside the hub; closed by the caller.
        hub: on the same log; writes the claim.
        run: the run's key.
        claimed_by: who claims, for people; in Airflow the task.
        since: a moment before the run began.
        lease_s: how long an earlier claimant may take from its claim to its attempt's first event.

    Raises:
        BusUnavailable: the log took the claim and does not give it back.
        BusRefused, BusMissing: the log cannot be written or read without a change.
    """
    claim = AttemptClaimed(
        id=outside_event_id(run=run, attempt=1, what="attempt.claimed", key=str(ULID())),
        source="/heliograph/task",
        run=run,
        attempt=1,
        sequence=0,
        data=AttemptClaimedData(claimed_by=claimed_by),
    )
    await hub.write(claim)
    number = 2 + await _earlier_claims(log, claim, since=since)
    _log.info("This is attempt %d of run %s", number, run)
    state = await hub.wait(run, AllOverBefore(number=number, claim=claim.id), since=since)
    silent = frozenset(range(2, number)) - {n for n, attempt in state.attempts.items() if begun(attempt)}
    if silent:
        # Claimed, and dbt not yet begun: seconds away, or its claimant died in between.
        try:
            async with asyncio.timeout(lease_s):
                await hub.wait(run, AllBegun(numbers=silent), since=since)
        except TimeoutError:
            _log.warning("Attempts %s of run %s were claimed and never began", sorted(silent), run)
        state = await hub.wait(run, AllOverBefore(number=number, claim=claim.id), since=since)
    return Claim(attempt=number, state=state)


async def _earlier_claims(log: EventLog, claim: AttemptClaimed, *, since: datetime) -> int:
    """How many other claims of the run stand before this one in the log."""
    earlier: set[str] = set()
    try:
        async with asyncio.timeout(_READ_LIMIT_S), aclosing(log.follow(claim.run, since=since)) as events:
            async for recorded in events:
                if recorded.event.id == claim.id:
                    break
                if isinstance(recorded.event, AttemptClaimed):
                    earlier.add(recorded.event.id)
    except TimeoutError:
        raise BusUnavailable(
            f"The event log took a claim and did not give it back within {_READ_LIMIT_S:g} s",
            setting="[heliograph] bus_url",
            fix="look whether the bus is up and this user may read it, then retry the task",
        ) from None
    return len(earlier)
