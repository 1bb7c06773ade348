"""One consumer on the stream: a channel of its own, a place to start, messages in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage, FieldTable
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from heliograph.bus.errors import BusError
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.url import RabbitMqAddress

Start = int | datetime | str
"""Where to begin: an offset, a moment of arrival, or ``first``, ``last``, ``next``. May give earlier messages too."""

# The server sends that many messages ahead of the acks; acks come at half, so that it never has to wait.
PREFETCH: Final = 400
_ACK_AFTER_S: Final = 1.0
_ANSWER_TIMEOUT_S: Final = 30.0
_OFFSET_HEADER: Final = "x-stream-offset"
# What the client raises on a channel that is, or has just been, lost.
_TROUBLE: Final = (AMQPError, OSError, RuntimeError, TimeoutError)
_REPLY_CODES: Final = {ChannelNotFoundEntity: 404, ChannelAccessRefused: 403, ChannelPreconditionFailed: 406}


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One message of the stream."""

    offset: int
    headers: Mapping[str, object]
    body: bytes


class Subscription:
    """Messages as they come. Made by ``attach``."""

    def __init__(self, address: RabbitMqAddress, channel: AbstractChannel, underlay: UnderlayChannel) -> None:
        self._address = address
        self._channel = channel
        self._underlay = underlay
        # Bounded by the prefetch; None wakes the reader when the consumer has ended.
        self._arrived: asyncio.Queue[DeliveredMessage | None] = asyncio.Queue()
        self._owed = 0
        self._owed_tag: int | None = None
        self._acking: asyncio.Task[None] | None = None

    async def start(self, start: Start) -> None:
        """Begins to consume; for ``attach`` alone."""
        self._channel.close_callbacks.add(self._end)
        self._underlay.on_consumer_cancel_callbacks.add(self._end)
        await self._underlay.basic_qos(prefetch_count=PREFETCH, timeout=_ANSWER_TIMEOUT_S)
        arguments: FieldTable = {_OFFSET_HEADER: start}
        await self._underlay.basic_consume(
            self._address.stream, self._take, arguments=arguments, timeout=_ANSWER_TIMEOUT_S
        )

    async def next(self) -> Delivery:
        """The next message; waits for it.

        Raises:
            BusUnavailable: the consumer has ended: the connection was lost, or the server cancelled it.
            BusMissing: the queue is no stream.
        """
        message = await self._arrived.get()
        if message is None:
            self._arrived.put_nowait(None)
            raise failures.unavailable(self._address, "the connection was lost")
        await self._owe(message.delivery_tag)
        headers = message.header.properties.headers or {}
        offset = headers.get(_OFFSET_HEADER)
        if not isinstance(offset, int):
            raise failures.not_a_stream(self._address)
        return Delivery(offset=offset, headers=headers, body=message.body)

    async def close(self) -> None:
        """Ends the consumer. Idempotent."""
        if self._acking is not None:
            self._acking.cancel()
        with suppress(*_TROUBLE):
            await self._channel.close()

    async def _take(self, message: DeliveredMessage) -> None:
        self._arrived.put_nowait(message)

    def _end(self, *_reason: object) -> None:
        self._arrived.put_nowait(None)

    async def _owe(self, tag: int | None) -> None:
        # Acks only grant credit: a stream deletes nothing. Many at once, but none left open while it is quiet,
        # because the server closes a channel that owes acks for long.
        self._owed_tag = tag
        self._owed += 1
        if self._owed >= PREFETCH // 2:
            await self._ack()
        elif self._acking is None or self._acking.done():
            self._acking = asyncio.create_task(self._ack_later())

    async def _ack_later(self) -> None:
        await asyncio.sleep(_ACK_AFTER_S)
        await self._ack()

    async def _ack(self) -> None:
        tag, self._owed_tag, self._owed = self._owed_tag, None, 0
        if tag is not None:
            with suppress(*_TROUBLE):  # a lost channel tells itself by _end()
                await self._underlay.basic_ack(tag, multiple=True)


async def attach(connection: AbstractConnection, address: RabbitMqAddress, start: Start) -> Subscription:
    """A consumer from ``start`` on; to be closed by the caller.

    Raises:
        BusMissing, BusRefused, BusUnavailable: the server does not give it.
    """
    try:
        channel = await connection.channel(publisher_confirms=False)
        subscription = Subscription(address, channel, await channel.get_underlay_channel())
        try:
            await subscription.start(start)
        except BaseException:
            await subscription.close()
            raise
    except _TROUBLE as error:
        raise _failure(address, error) from None
    return subscription


def _failure(address: RabbitMqAddress, error: Exception) -> BusError:
    text = str(error.args[0]) if error.args else str(error)
    for kind, code in _REPLY_CODES.items():
        if isinstance(error, kind):
            return failures.by_reply_code(address, code, text)
    return failures.unavailable(address, text or type(error).__name__)
