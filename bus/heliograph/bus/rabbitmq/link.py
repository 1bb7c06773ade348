"""The one connection all readers of a log object share."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from typing import Final

from aio_pika.abc import AbstractConnection
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import AuthenticationError, ProbableAuthenticationError, ProtocolSyntaxError

from heliograph.bus.errors import BusError
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.url import RabbitMqAddress

_HEARTBEAT_S: Final = 20
_CONNECT_TIMEOUT_S: Final = 15.0
_TROUBLE: Final = (AMQPError, OSError, TimeoutError)


class Link:
    """Opens the connection on first use and again when it was lost.

    A plain connection, not aio-pika's robust one: that restores a consumer with the offset it first asked for,
    which replays the stream or loses what came meanwhile.

    Attributes:
        connected_since: see ``EventLog.connected_since``.
    """

    def __init__(self, address: RabbitMqAddress) -> None:
        self.connected_since: float | None = None
        self._address = address
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._was_open = False

    async def connection(self) -> Connection:
        """The open connection.

        Raises:
            BusUnavailable, BusRefused: the server does not answer, or does not let us in.
        """
        async with self._opening:
            # Not is_closed: that is true only of a connection we closed ourselves.
            if self._connection is None or not self._connection.connected.is_set():
                await self.close()
                self._connection = await self._connect()
                self._was_open = True
                self.connected_since = time.monotonic()
                self._connection.close_callbacks.add(self._lost)
            return self._connection

    async def close(self) -> None:
        """Closes the connection. Idempotent."""
        connection, self._connection = self._connection, None
        self.connected_since = None
        if connection is not None:
            await _close(connection)

    async def _connect(self) -> Connection:
        address = self._address
        url = make_url(
            host=address.host,
            port=address.port,
            login=address.user,
            password=address.password,
            virtualhost=address.virtual_host,
            ssl=address.tls,
            heartbeat=_HEARTBEAT_S,
        )
        connection = Connection(
            url,
            ssl_context=await asyncio.to_thread(address.tls_context),
            client_properties={"connection_name": "heliograph reader"},
        )
        try:
            await connection.connect(timeout=_CONNECT_TIMEOUT_S)
        except BaseException as error:
            await _close(connection)
            if isinstance(error, _TROUBLE):
                raise self._failure(error) from None
            raise
        return connection

    def _failure(self, error: Exception) -> BusError:
        if isinstance(error, (ProbableAuthenticationError, AuthenticationError)):
            return failures.refused_login(self._address)
        if isinstance(error, ProtocolSyntaxError) and not self._was_open:
            # aiormq's report of a server that closes instead of opening the virtual host. A server that is just
            # coming back does so too, hence the second condition.
            return failures.refused_virtual_host(self._address)
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return failures.refused_certificate(self._address, str(error.__cause__))
        reason = error.args[-1] if error.args else None
        return failures.by_text(self._address, str(reason or error) or type(error).__name__)

    def _lost(self, connection: AbstractConnection | None, _error: BaseException | None) -> None:
        if connection is self._connection:
            self.connected_since = None


async def _close(connection: Connection) -> None:
    # Also one that never opened, or is lost: aio-pika's objects want to be closed before they are dropped.
    with suppress(RuntimeError, *_TROUBLE):
        await connection.close()
