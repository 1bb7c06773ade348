"""What an administrator makes once: the exchange, the stream and the binding between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pika import BlockingConnection
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from heliograph.bus.errors import BusError
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.client_logging import quieten
from heliograph.bus.rabbitmq.pika_client import connection_failure, connection_parameters
from heliograph.bus.rabbitmq.url import RabbitMqAddress

DEFAULT_MAX_AGE: Final = "7D"

# Retention drops whole segments and always keeps the last one. RabbitMQ's default of 500 MB would never be reached.
_SEGMENT_BYTES: Final = 16 * 1024 * 1024
_TIMEOUT_S: Final = 15.0


_AGE: Final = re.compile(r"[1-9][0-9]*[YMDhms]")


def create(address: RabbitMqAddress, *, max_age: str = DEFAULT_MAX_AGE) -> None:
    """Declares exchange, stream and binding where they are missing. ``max_age`` is in RabbitMQ's units: Y M D h m s.

    Raises:
        BusUnavailable, BusRefused: the server does not answer, or does not allow it.
        BusError: ``max_age`` is no such age, or one of them exists with other properties.
    """
    if not _AGE.fullmatch(max_age):
        raise BusError(
            f"{max_age!r} is not an age",
            setting="--max-age",
            fix="write a number and one of Y, M, D, h, m, s, e.g. 7D for seven days",
        )
    with _channel(address) as channel:
        channel.exchange_declare(address.exchange, exchange_type="topic", durable=True)
        arguments = {
            "x-queue-type": "stream",
            "x-max-age": max_age,
            "x-stream-max-segment-size-bytes": _SEGMENT_BYTES,
        }
        channel.queue_declare(address.stream, durable=True, arguments=arguments)
        channel.queue_bind(address.stream, address.exchange, routing_key="#")


def check(address: RabbitMqAddress) -> None:
    """Checks that exchange and stream exist. AMQP cannot ask for a binding: only a publish shows it.

    Raises:
        BusMissing: one of them does not exist.
        BusUnavailable, BusRefused: the server does not answer, or does not let us in.
    """
    with _channel(address) as channel:
        channel.exchange_declare(address.exchange, passive=True)
        channel.queue_declare(address.stream, passive=True)


@contextmanager
def _channel(address: RabbitMqAddress) -> Iterator[BlockingChannel]:
    quieten()
    try:
        connection = BlockingConnection(connection_parameters(address, timeout_s=_TIMEOUT_S))
    except (AMQPError, OSError) as error:
        raise connection_failure(address, error) from None
    try:
        yield connection.channel()
    except ChannelClosedByBroker as error:
        raise _not_done(address, error) from None
    except (AMQPError, OSError) as error:
        raise failures.unavailable(address, str(error) or type(error).__name__) from None
    finally:
        if connection.is_open:
            connection.close()


def _not_done(address: RabbitMqAddress, error: ChannelClosedByBroker) -> BusError:
    if error.reply_code == 406:
        return BusError(
            f"RabbitMQ at {address.server} has them with other properties: {error.reply_text}",
            setting="bus_url",
            fix="choose other names with the options exchange and stream, or delete the old ones first",
        )
    return failures.by_reply_code(address, error.reply_code, error.reply_text)
