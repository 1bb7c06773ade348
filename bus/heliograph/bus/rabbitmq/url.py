"""The address of a RabbitMQ event log, as a bus URL names it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from heliograph.bus.errors import UnknownBusScheme

_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_NAMES: Final = ("exchange", "stream", "environment")
_FILES: Final = ("cafile", "certfile", "keyfile")


@dataclass(frozen=True, kw_only=True, slots=True)
class RabbitMqAddress:
    """Where the log is and how to get in. The credentials never show in ``repr`` or ``str``.

    ``environment`` is the first word of every routing key. ``cafile``, ``certfile`` and ``keyfile`` are PEM files
    for ``amqps``; without ``cafile`` the system's authorities are trusted.
    """

    host: str
    port: int
    virtual_host: str = "/"
    user: str = field(default="guest", repr=False)
    password: str = field(default="guest", repr=False)
    tls: bool = False
    exchange: str = "heliograph"
    stream: str = "heliograph"
    environment: str = "default"
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    @property
    def server(self) -> str:
        """``host:port``, for messages."""
        return f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'amqps' if self.tls else 'amqp'}://{self.server}/{self.virtual_host.removeprefix('/')}"

    def tls_context(self) -> ssl.SSLContext | None:
        """The TLS context of an ``amqps`` address.

        Raises:
            UnknownBusScheme: a PEM file cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                context.load_cert_chain(self.certfile, self.keyfile)
        except OSError as error:
            named = ", ".join(name for name in (self.cafile, self.certfile, self.keyfile) if name)
            raise malformed(f"names a PEM file that cannot be read ({named}): {error}") from None
        return context


def parse(url: str) -> RabbitMqAddress:
    """The address in ``amqp[s]://user:password@host:port/virtual-host?exchange=..&stream=..&environment=..``.

    A missing virtual host, or ``/`` alone, is RabbitMQ's default one. Without credentials it is guest, as AMQP
    clients do.

    Raises:
        UnknownBusScheme: no host, a port that is no number, or an option nobody knows.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        # Not urllib's own words: with an unquoted slash in the password they quote a part of it.
        raise malformed("has a port that is no number") from None
    if parts.scheme not in _PORTS or not host:
        raise malformed("names no host")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - {*_NAMES, *_FILES})
    if unknown:
        raise malformed(f"has the unknown option {unknown[0]!r}; known are {', '.join((*_NAMES, *_FILES))}")
    empty = sorted(name for name, value in options.items() if not value)
    if empty:
        raise malformed(f"has the empty option {empty[0]!r}")
    return RabbitMqAddress(
        host=host,
        port=port or _PORTS[parts.scheme],
        virtual_host=unquote(parts.path.removeprefix("/")) or "/",
        user=unquote(parts.username) if parts.username else "guest",
        password=unquote(parts.password) if parts.password is not None else "guest",
        tls=parts.scheme == "amqps",
        **options,
    )


def malformed(what: str) -> UnknownBusScheme:
    return UnknownBusScheme(
        f"The bus URL {what}",
        setting="bus_url",
        fix="write amqp://user:password@host:5672/virtual-host?exchange=heliograph&stream=heliograph, "
        "with special characters of the password percent-encoded",
    )
