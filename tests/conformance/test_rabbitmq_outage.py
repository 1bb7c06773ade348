"""What the RabbitMQ log does while its server is away; a file is never away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from bus_fixtures import RealLog, delete_topology, open_real_log
from following import Follower, first, stored, until_connected
from heliograph.bus.errors import BusMissing, BusUnavailable
from heliograph.bus.events import Event
from heliograph.bus.rabbitmq.url import parse
from local_servers.rabbitmq import PrivateRabbit
from run_events import Attempt, model

pytestmark = pytest.mark.rabbitmq

RUN = "shop/run-1"


@pytest.fixture
async def log(rabbitmq_bus_url: str, own_rabbitmq: PrivateRabbit) -> AsyncIterator[RealLog]:
    log = open_real_log(rabbitmq_bus_url)
    yield log
    log.close()
    await log.aclose()


@pytest.fixture
def events() -> list[Event]:
    return Attempt(run=RUN).whole([model("orders"), model("customers")])


def append_when_up(log: RealLog, events: list[Event]) -> None:
    """As the spool does: the stream comes up a moment later than the server."""
    Retrying(retry=retry_if_exception_type(BusUnavailable), wait=wait_fixed(0.05), stop=stop_after_delay(60))(
        log.append, events
    )


async def test_a_server_that_restarts_costs_nothing(
    log: RealLog, own_rabbitmq: PrivateRabbit, events: list[Event]
) -> None:
    log.append(events[:2])
    async with aclosing(Follower(log, RUN)) as follower, aclosing(Follower(log, RUN)) as second:
        before = await follower.take(2)
        await second.take(2)
        connected = log.connected_since

        await asyncio.to_thread(own_rabbitmq.stop)
        await until_connected(log, wanted=False)
        with pytest.raises(BusUnavailable, match="bus_url"):
            await asyncio.to_thread(log.append, events[2:])
        with pytest.raises(BusUnavailable, match="does not answer"):
            await stored(log, RUN)
        await asyncio.to_thread(own_rabbitmq.start)

        await asyncio.to_thread(append_when_up, log, events[2:])
        after = await follower.take(len(events) - 2)
        assert [item.event for item in before + after] == events
        assert await second.take(len(events) - 2) == after
        assert connected is not None
        assert log.connected_since is not None
        assert log.connected_since > connected


async def test_a_server_that_crashes_between_two_batches_costs_nothing(
    log: RealLog, own_rabbitmq: PrivateRabbit, events: list[Event]
) -> None:
    log.append(events[:2])
    await asyncio.to_thread(own_rabbitmq.kill)
    await asyncio.to_thread(own_rabbitmq.start)

    append_when_up(log, events[2:])

    assert [item.event for item in await first(len(events), log, RUN)] == events


async def test_a_follower_may_begin_while_the_server_is_away(
    log: RealLog, own_rabbitmq: PrivateRabbit, events: list[Event]
) -> None:
    log.append(events)
    await asyncio.to_thread(own_rabbitmq.stop)
    follower = asyncio.create_task(first(len(events), log, RUN))
    await asyncio.to_thread(own_rabbitmq.start)

    assert [item.event for item in await follower] == events


async def test_a_stream_that_is_deleted_under_a_follower_is_told(log: RealLog, rabbitmq_bus_url: str) -> None:
    log.append([Attempt(run=RUN).started()])
    async with aclosing(Follower(log, RUN)) as follower:
        await follower.take(1)
        await asyncio.to_thread(delete_topology, parse(rabbitmq_bus_url))

        with pytest.raises(BusMissing, match="has no stream"):
            await follower.take(1)
