"""Claims number the attempts and keep two dbt commands of a run apart, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from heliograph.bus.payloads import Outcome
from heliograph.consumers.claims import Claim, claim_attempt
from heliograph.consumers.hub import Hub
from memory_log import DirectWriter, MemoryLog
from run_events import Attempt, model
from virtual_time import in_virtual_time

RUN = "shop/run-1"
ORDERS = model("orders")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def claims(log: MemoryLog, who: str = "orders_run") -> asyncio.Future[Claim]:
    hub = Hub(log, clock=asyncio.get_running_loop().time, writer=DirectWriter(log))
    return asyncio.ensure_future(claim_attempt(log, hub, RUN, claimed_by=who, since=SINCE, lease_s=25))


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_the_first_claim_is_attempt_two_and_knows_the_first() -> None:
    log = MemoryLog()
    log.append(Attempt().whole([ORDERS], orders=Outcome.ERROR))
    claim = await claims(log)
    assert claim.attempt == 2
    result = claim.state.result(ORDERS.unique_id)
    assert result is not None
    assert result.outcome is Outcome.ERROR


@in_virtual_time
async def test_a_claim_waits_until_the_attempt_before_is_over() -> None:
    log, run = MemoryLog(), Attempt()
    log.append([run.started(), run.planned(ORDERS)])
    claim = claims(log)
    for _ in range(20):
        await asyncio.sleep(5)
        log.append([run.heartbeat()])
    assert not claim.done()
    log.append([run.node(ORDERS), run.finished()])
    assert (await claim).attempt == 2


@in_virtual_time
async def test_a_silent_attempt_is_waited_for_as_long_as_its_lease() -> None:
    log, run = MemoryLog(), Attempt()
    log.append([run.started(lease_s=25), run.planned(ORDERS)])
    begun = now()
    claim = await claims(log)
    assert now() - begun == pytest.approx(25, abs=1)
    assert claim.state.attempts[1].loss is not None


@in_virtual_time
async def test_of_two_claims_at_once_the_later_waits_for_the_earlier_ones_attempt() -> None:
    log = MemoryLog()
    log.append(Attempt().whole([ORDERS], orders=Outcome.ERROR))
    first, second = claims(log, "one"), claims(log, "two")
    assert (await first).attempt == 2
    await asyncio.sleep(10)
    assert not second.done()
    run = Attempt(attempt=2)
    log.append([run.started(), run.planned(ORDERS)])
    await asyncio.sleep(10)
    assert not second.done()
    log.append([run.node(ORDERS), run.finished()])
    claim = await second
    assert claim.attempt == 3
    result = claim.state.result(ORDERS.unique_id)
    assert result is not None
    assert result.outcome is Outcome.SUCCESS


@in_virtual_time
async def test_a_claimant_that_died_before_it_began_holds_up_the_next_for_one_lease() -> None:
    log = MemoryLog()
    log.append(Attempt().whole([ORDERS], orders=Outcome.ERROR))
    assert (await claims(log, "dies")).attempt == 2
    begun = now()
    assert (await claims(log, "next")).attempt == 3
    assert now() - begun == pytest.approx(25, abs=1)


@in_virtual_time
async def test_fifty_claims_get_fifty_numbers() -> None:
    log = MemoryLog()

    async def one_attempt(number: int) -> int:
        claim = await claims(log, f"task_{number}")
        log.append(Attempt(attempt=claim.attempt).whole([ORDERS]))
        return claim.attempt

    numbers = await asyncio.gather(*(one_attempt(number) for number in range(50)))
    assert sorted(numbers) == list(range(2, 52))
