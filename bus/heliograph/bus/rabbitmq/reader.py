"""Reading and following runs in the stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

from aio_pika.abc import AbstractConnection
from tenacity import AsyncRetrying, retry_if_exception
from tenacity.wait import wait_base

from heliograph.bus.errors import BusUnavailable, MalformedEvent, NewerEventVersion
from heliograph.bus.events import decode
from heliograph.bus.log import Recorded
from heliograph.bus.patience import BACK_OFF, tell
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.link import Link
from heliograph.bus.rabbitmq.message import RUN_HEADER
from heliograph.bus.rabbitmq.subscription import Delivery, Start, Subscription, attach
from heliograph.bus.rabbitmq.url import RabbitMqAddress

_log = logging.getLogger(__name__)

# What the clocks of the run's scheduler and of the broker may differ, with room.
_MARGIN: Final = timedelta(minutes=15)

# AMQP 0.9.1 does not tell where a stream ends. A consumer from "last" gets the last chunk in one go; when it stays
# quiet for so long, that was all of it. Until the first message comes, the stream may also be empty.
_QUIET_S: Final = 0.2
_EMPTY_S: Final = 2.0
_LONGEST_LOOK_S: Final = 5.0

# A reader that knows that more is stored waits no longer than this for it.
_LONGEST_SILENCE_S: Final = 30.0


class StreamReader:
    """The reading side of one address: one connection, a channel for each reader.

    Attributes:
        unreadable: how many times a message that cannot be read was passed over.
    """

    def __init__(self, address: RabbitMqAddress, *, wait: wait_base = BACK_OFF) -> None:
        self.unreadable = 0
        self._address = address
        self._link = Link(address)
        self._wait = wait
        self._closing = asyncio.Event()

    @property
    def connected_since(self) -> float | None:
        """See ``EventLog.connected_since``."""
        return self._link.connected_since

    async def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read``."""
        async with aclosing(self._held_now(after=after)) as deliveries:
            async for delivery in deliveries:
                recorded = self._decoded(delivery, run)
                if recorded is not None:
                    yield recorded

    async def read_all(
        self, *, after: int | None = None, since: datetime | None = None
    ) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read_all``."""
        async with aclosing(self._held_now(after=after, since=since)) as deliveries:
            async for delivery in deliveries:
                try:
                    recorded = self._decoded(delivery, None)
                except NewerEventVersion as error:
                    self._pass_over(delivery, str(error))
                    continue
                if recorded is not None:
                    yield recorded

    async def follow(self, run: str, *, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.follow``."""
        closing = self._closing
        patiently = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, BusUnavailable) and not closing.is_set()),
            wait=self._wait,
            before_sleep=tell,
            reraise=True,
        )
        start: Start = "first" if since is None else since - _MARGIN
        while True:
            try:
                subscription: Subscription = await patiently(self._attach, start)
                try:
                    while True:
                        delivery = await subscription.next()
                        # A chunk is delivered whole, also where it begins before the offset asked for.
                        if isinstance(start, int) and delivery.offset < start:
                            continue
                        start = delivery.offset + 1
                        recorded = self._decoded(delivery, run)
                        if recorded is not None:
                            yield recorded
                finally:
                    await subscription.close()
            except BusUnavailable as error:
                if closing.is_set():
                    return
                _log.warning("%s", error)

    async def aclose(self) -> None:
        """See ``EventLog.aclose``."""
        self._closing.set()
        self._closing = asyncio.Event()
        await self._link.close()

    async def _held_now(
        self, *, after: int | None = None, since: datetime | None = None
    ) -> AsyncGenerator[Delivery, None]:
        """The messages that the stream holds now, from behind ``after`` or else from a margin before ``since``."""
        connection = await self._link.connection()
        last = await self._last_offset(connection)
        if last is None or (after is not None and after >= last):
            return
        first = 0 if after is None else after + 1
        by_time = after is None and since is not None
        subscription = await attach(connection, self._address, since - _MARGIN if by_time and since else first)
        try:
            # Behind a moment there may be nothing stored, and then nothing comes.
            delivery = await self._stored(subscription, quiet_s=_EMPTY_S if by_time else None)
            while delivery is not None and delivery.offset <= last:
                if delivery.offset >= first:
                    yield delivery
                delivery = await self._stored(subscription) if delivery.offset < last else None
        finally:
            await subscription.close()

    async def _attach(self, start: Start) -> Subscription:
        return await attach(await self._link.connection(), self._address, start)

    async def _last_offset(self, connection: AbstractConnection) -> int | None:
        """The offset of the newest message; None where there is none."""
        subscription = await attach(connection, self._address, "last")
        newest: int | None = None
        try:
            async with asyncio.timeout(_LONGEST_LOOK_S):
                while True:
                    async with asyncio.timeout(_EMPTY_S if newest is None else _QUIET_S):
                        newest = (await subscription.next()).offset
        except TimeoutError:
            return newest
        finally:
            await subscription.close()

    async def _stored(self, subscription: Subscription, *, quiet_s: float | None = None) -> Delivery | None:
        """The next message that is stored; None where nothing comes for ``quiet_s``, if that is given."""
        try:
            async with asyncio.timeout(quiet_s or _LONGEST_SILENCE_S):
                return await subscription.next()
        except TimeoutError:
            if quiet_s is not None:
                return None
            raise failures.unavailable(self._address, "it stopped delivering what is stored") from None

    def _decoded(self, delivery: Delivery, run: str | None) -> Recorded | None:
        """The event, if it is the run's (None: any run's) and can be read; another run's body is not looked at."""
        owner = delivery.headers.get(RUN_HEADER)
        if owner is not None and run is not None and owner != run:
            return None
        try:
            event = decode(delivery.body) if owner is not None else None
        except MalformedEvent as error:
            self._pass_over(delivery, str(error))
            return None
        if owner is None:
            self._pass_over(delivery, f"it has no header {RUN_HEADER}")
        return Recorded(offset=delivery.offset, event=event) if event is not None else None

    def _pass_over(self, delivery: Delivery, why: str) -> None:
        self.unreadable += 1
        _log.warning("Passed over what stands at offset %d of %s: %s", delivery.offset, self._address.stream, why)
