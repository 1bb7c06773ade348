"""The writing side against a real server: many in flight, and a server that blocks publishers."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from bus_fixtures import open_real_log
from following import stored
from heliograph.bus.errors import BusUnavailable
from heliograph.bus.rabbitmq.message import message_of
from heliograph.bus.rabbitmq.publisher import Publisher
from heliograph.bus.rabbitmq.url import parse
from local_servers.rabbitmq import PrivateRabbit
from run_events import Attempt

pytestmark = pytest.mark.rabbitmq


def test_thousands_of_messages_are_confirmed_in_one_call(rabbitmq_bus_url: str) -> None:
    attempt = Attempt()
    events = [attempt.heartbeat() for _ in range(3_000)]
    with closing(Publisher(parse(rabbitmq_bus_url))) as publisher:
        publisher.publish([message_of(event, environment="default") for event in events])

    async def sequences() -> list[int]:
        log = open_real_log(rabbitmq_bus_url)
        try:
            return [recorded.event.sequence for recorded in await stored(log, attempt.run)]
        finally:
            await log.aclose()

    assert asyncio.run(sequences()) == list(range(1, 3_001))


def test_a_server_that_blocks_publishers_is_told_with_its_reason(
    rabbitmq_bus_url: str, own_rabbitmq: PrivateRabbit
) -> None:
    message = message_of(Attempt().heartbeat(), environment="default")
    with closing(Publisher(parse(rabbitmq_bus_url), answer_timeout_s=2)) as publisher:
        own_rabbitmq.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
        try:
            with pytest.raises(BusUnavailable, match="it blocks publishers: low on memory"):
                publisher.publish([message])
        finally:
            own_rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")

        publisher.publish([message])
