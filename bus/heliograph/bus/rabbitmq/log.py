"""The RabbitMQ event log: a publisher and a reader of one address."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from heliograph.bus.events import Event
from heliograph.bus.log import Recorded
from heliograph.bus.rabbitmq.client_logging import quieten
from heliograph.bus.rabbitmq.message import message_of
from heliograph.bus.rabbitmq.publisher import Publisher
from heliograph.bus.rabbitmq.reader import StreamReader
from heliograph.bus.rabbitmq.url import RabbitMqAddress


class RabbitMqLog:
    """An ``EventLog`` in a RabbitMQ stream. Exchange, stream and binding must exist: it declares nothing."""

    def __init__(self, address: RabbitMqAddress) -> None:
        quieten()
        self.address = address
        self._publisher = Publisher(address)
        self._reader = StreamReader(address)

    @property
    def unreadable(self) -> int:
        """How many times a message that cannot be read was passed over."""
        return self._reader.unreadable

    @property
    def connected_since(self) -> float | None:
        """See ``EventLog.connected_since``."""
        return self._reader.connected_since

    def append(self, events: Sequence[Event]) -> None:
        """See ``EventLog.append``: all are published, then all confirms awaited."""
        if events:
            self._publisher.publish([message_of(event, environment=self.address.environment) for event in events])

    def close(self) -> None:
        """See ``EventLog.close``."""
        self._publisher.close()

    def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read``."""
        return self._reader.read(run, after=after)

    def read_all(self, *, after: int | None = None, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read_all``."""
        return self._reader.read_all(after=after, since=since)

    def follow(self, run: str, *, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.follow``."""
        return self._reader.follow(run, since=since)

    async def aclose(self) -> None:
        """See ``EventLog.aclose``."""
        await self._reader.aclose()
