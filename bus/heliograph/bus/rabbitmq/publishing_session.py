"""One AMQP connection for publishing. Its loop turns only inside a call, in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pika import BasicProperties
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker
from pika.spec import Basic

from heliograph.bus.errors import BusError
from heliograph.bus.events import CONTENT_TYPE
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.message import Message
from heliograph.bus.rabbitmq.pika_client import connection_failure, connection_parameters
from heliograph.bus.rabbitmq.url import RabbitMqAddress

_PERSISTENT: Final = 2
_CLOSE_TIMEOUT_S: Final = 2.0


class PublishingSession:
    """Opened once, used for any number of batches, of no use after its first failure.

    Args:
        address: the server, the exchange and the credentials.
        answer_timeout_s: how long the server may stay silent before that is a failure.
    """

    def __init__(self, address: RabbitMqAddress, *, answer_timeout_s: float) -> None:
        self._address = address
        self._answer_timeout_s = answer_timeout_s
        self._loop = IOLoop()
        self._connection: SelectConnection | None = None
        self._channel: Channel | None = None
        self._ready = False
        self._closed = False
        self._failure: BusError | None = None
        self._blocked: str | None = None
        self._returned = False
        self._stream_is_up = False
        self._last_tag = 0
        # Insertion order is tag order, so that a confirm of many takes them from the front.
        self._unconfirmed: dict[int, None] = {}

    def open(self) -> None:
        """Connects, and turns confirms on. Nothing where that is done.

        Raises:
            BusUnavailable, BusRefused: the server does not let us in.
        """
        if self._connection is not None:
            return
        parameters = connection_parameters(self._address, timeout_s=self._answer_timeout_s)
        self._connection = SelectConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
            custom_ioloop=self._loop,
        )
        self._turn_until(lambda: self._ready, waiting_for="it did not complete the connection")

    def publish(self, messages: Sequence[Message]) -> bool:
        """Sends all, then waits for all confirms; False where the server found no queue for one of them.

        Raises:
            BusUnavailable, BusRefused, BusMissing: not all are known to be in the stream.
        """
        channel = self._usable_channel()
        self._returned = False
        try:
            for message in messages:
                self._send(channel, message)
        except AMQPError as error:
            raise failures.unavailable(self._address, str(error) or type(error).__name__) from None
        self._turn_until(lambda: not self._unconfirmed, waiting_for="it did not confirm what was published")
        return not self._returned

    def check_stream(self) -> None:
        """Asks whether the stream is there.

        Raises:
            BusMissing: it does not exist.
            BusUnavailable: it exists and is not up, as for a moment after the server's start.
        """
        self._stream_is_up = False
        self._usable_channel().queue_declare(self._address.stream, passive=True, callback=self._on_stream_is_up)
        self._turn_until(lambda: self._stream_is_up, waiting_for="it did not tell whether the stream is there")

    def close(self) -> None:
        """Closes the connection in order where that works. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            connection.close()
            self._turn(lambda: self._closed, timeout_s=_CLOSE_TIMEOUT_S)
        if connection is not None:
            self._loop.close()

    def _usable_channel(self) -> Channel:
        if self._channel is None or self._failure is not None:
            raise self._failure or failures.unavailable(self._address, "the connection is closed")
        return self._channel

    def _send(self, channel: Channel, message: Message) -> None:
        channel.basic_publish(
            exchange=self._address.exchange,
            routing_key=message.routing_key,
            body=message.body,
            properties=BasicProperties(
                content_type=CONTENT_TYPE, delivery_mode=_PERSISTENT, headers=dict(message.headers)
            ),
            mandatory=True,
        )
        self._last_tag += 1
        self._unconfirmed[self._last_tag] = None

    def _turn_until(self, reached: Callable[[], bool], *, waiting_for: str) -> None:
        self._turn(lambda: reached() or self._failure is not None, timeout_s=self._answer_timeout_s)
        if self._failure is not None:
            raise self._failure
        if not reached():
            blocked = f"; it blocks publishers: {self._blocked}" if self._blocked else ""
            raise failures.unavailable(self._address, f"{waiting_for} within {self._answer_timeout_s:g} s{blocked}")

    def _turn(self, enough: Callable[[], bool], *, timeout_s: float) -> None:
        self._enough = enough
        if enough():
            return
        timer = self._loop.call_later(timeout_s, self._loop.stop)
        try:
            self._loop.start()
        finally:
            self._loop.remove_timeout(timer)

    def _stop_if_enough(self) -> None:
        if self._enough():
            self._loop.stop()

    def _fail(self, error: BusError) -> None:
        # The first failure is the cause, what follows are its consequences.
        self._failure = self._failure or error
        self._stop_if_enough()

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_channel)

    def _on_closed(self, _connection: Any, error: BaseException | str) -> None:
        self._closed = True
        self._fail(connection_failure(self._address, error))

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_returned)
        channel.confirm_delivery(self._on_confirm, callback=self._on_confirms_selected)

    def _on_confirms_selected(self, _frame: object) -> None:
        self._ready = True
        self._stop_if_enough()

    def _on_channel_closed(self, _channel: Channel, error: BaseException) -> None:
        self._channel = None
        if isinstance(error, ChannelClosedByBroker):
            self._fail(failures.by_reply_code(self._address, error.reply_code, error.reply_text))

    def _on_returned(self, _channel: Channel, _method: object, _properties: object, _body: bytes) -> None:
        # The server returns what no queue took and confirms it all the same.
        self._returned = True

    def _on_stream_is_up(self, _frame: object) -> None:
        self._stream_is_up = True
        self._stop_if_enough()

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if isinstance(method, Basic.Nack):
            self._fail(failures.unavailable(self._address, "it could not store what was published"))
            return
        if method.multiple:
            while self._unconfirmed and (first := next(iter(self._unconfirmed))) <= method.delivery_tag:
                del self._unconfirmed[first]
        else:
            self._unconfirmed.pop(method.delivery_tag, None)
        self._stop_if_enough()

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self._blocked = frame.method.reason

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self._blocked = None
