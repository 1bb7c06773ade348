"""A bus of its own for each test, on SQLite or on a real RabbitMQ."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from uuid import uuid4

from pika import BlockingConnection
from pika.exceptions import AMQPError

from heliograph.bus.open import open_log, scheme_of
from heliograph.bus.rabbitmq import topology
from heliograph.bus.rabbitmq.log import RabbitMqLog
from heliograph.bus.rabbitmq.message import RUN_HEADER, Message
from heliograph.bus.rabbitmq.pika_client import connection_parameters
from heliograph.bus.rabbitmq.publisher import Publisher
from heliograph.bus.rabbitmq.url import RabbitMqAddress, parse
from heliograph.bus.sqlite_file import path_of
from heliograph.bus.sqlite_log import SqliteLog

RealLog = SqliteLog | RabbitMqLog

_numbers = count(1)


def open_real_log(url: str) -> RealLog:
    """``open_log`` with what both logs have beyond the port."""
    log = open_log(url)
    assert isinstance(log, RealLog)
    return log


def sqlite_url(folder: Path) -> str:
    """A file that does not exist yet."""
    return f"sqlite:///{folder / 'bus' / 'events.db'}"


def unused_names(server_url: str) -> str:
    """The URL with names of exchange and stream that nobody has used on the server."""
    name = f"test-{uuid4().hex[:8]}-{next(_numbers)}"
    return f"{server_url}?exchange={name}&stream={name}"


@contextmanager
def fresh_topology(server_url: str) -> Iterator[str]:
    """A bus URL whose exchange and stream exist and are empty; both are deleted afterwards."""
    url = unused_names(server_url)
    address = parse(url)
    topology.create(address, max_age="1D")
    try:
        yield url
    finally:
        delete_topology(address)


def delete_topology(address: RabbitMqAddress) -> None:
    """Deletes stream and exchange. A server that is just starting may keep them: the next test has other names."""
    with suppress(AMQPError), closing(BlockingConnection(connection_parameters(address, timeout_s=10))) as connection:
        channel = connection.channel()
        channel.queue_delete(address.stream)
        channel.exchange_delete(address.exchange)


def write_raw(url: str, *, run: str, body: bytes) -> None:
    """Puts bytes into the log as a program of another kind or age might, under a run's name."""
    if scheme_of(url) == "sqlite":
        log = SqliteLog(path_of(url))
        log.append(())
        log.close()
        with closing(sqlite3.connect(path_of(url))) as database, database:
            database.execute("INSERT INTO events (id, run, body) VALUES (?, ?, ?)", (uuid4().hex, run, body))
        return
    publisher = Publisher(parse(url))
    publisher.publish([Message(routing_key="test.raw", body=body, headers={RUN_HEADER: run})])
    publisher.close()
