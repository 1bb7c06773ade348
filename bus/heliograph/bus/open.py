"""From a bus URL to its event log."""

from __future__ import annotations

from importlib.util import find_spec

from heliograph.bus.errors import BusError, UnknownBusScheme
from heliograph.bus.log import EventLog


def open_log(url: str) -> EventLog:
    """The event log of ``url``: ``sqlite:///``, ``amqp://`` or ``amqps://``. Connects on first use, not here.

    Raises:
        UnknownBusScheme: another scheme, or a malformed URL.
        BusError: the scheme needs a package that is not installed.
    """
    match scheme_of(url):
        case "sqlite":
            from heliograph.bus.sqlite_file import path_of
            from heliograph.bus.sqlite_log import SqliteLog

            return SqliteLog(path_of(url))
        case _:
            from heliograph.bus.rabbitmq.url import parse

            require_clients()
            from heliograph.bus.rabbitmq.log import RabbitMqLog

            return RabbitMqLog(parse(url))


def scheme_of(url: str) -> str:
    """The scheme in lower case.

    Raises:
        UnknownBusScheme: no event log serves it.
    """
    scheme, separator, _ = url.partition("://")
    if separator and scheme.lower() in {"sqlite", "amqp", "amqps"}:
        return scheme.lower()
    # Never the whole URL: what was typed wrong may hold a password.
    named = f"has the unknown scheme {scheme!r}" if separator else "has no scheme"
    raise UnknownBusScheme(
        f"The bus URL {named}",
        setting="bus_url",
        fix="begin it with sqlite:///, amqp:// or amqps://, e.g. sqlite:////tmp/heliograph/events.db",
    )


def require_clients() -> None:
    """Checks that the clients of RabbitMQ are installed.

    Raises:
        BusError: one is missing.
    """
    missing = [name for name in ("pika", "aio_pika") if find_spec(name) is None]
    if missing:
        raise BusError(
            f"An amqp:// bus needs the package {missing[0].replace('_', '-')}, which is not installed",
            setting="bus_url",
            fix="pip install 'heliograph[rabbitmq]'",
        )
