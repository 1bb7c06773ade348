"""The address in pika's words, and pika's failures in ours."""

from __future__ import annotations

import socket
from typing import Final

from pika import ConnectionParameters, PlainCredentials, SSLOptions
from pika.exceptions import ConnectionClosedByBroker, ProbableAccessDeniedError, ProbableAuthenticationError

from heliograph.bus.errors import BusError
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.url import RabbitMqAddress

# Between two calls nobody answers AMQP heartbeats, so the operating system watches the connection instead.
_KEEP_ALIVE: Final = {
    name: value
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}


def connection_parameters(address: RabbitMqAddress, *, timeout_s: float) -> ConnectionParameters:
    """What a connection that only acts inside calls needs."""
    context = address.tls_context()
    return ConnectionParameters(
        host=address.host,
        port=address.port,
        virtual_host=address.virtual_host,
        credentials=PlainCredentials(address.user, address.password),
        ssl_options=SSLOptions(context, address.host) if context is not None else None,
        heartbeat=0,
        tcp_options=_KEEP_ALIVE,
        socket_timeout=timeout_s,
        stack_timeout=timeout_s,
        client_properties={"connection_name": "heliograph publisher"},
    )


def connection_failure(address: RabbitMqAddress, error: BaseException | str) -> BusError:
    """Why a connection did not open, or closed."""
    if isinstance(error, ProbableAuthenticationError):
        return failures.refused_login(address)
    if isinstance(error, ProbableAccessDeniedError):
        return failures.refused_virtual_host(address)
    if isinstance(error, ConnectionClosedByBroker):
        return failures.by_reply_code(address, error.reply_code, error.reply_text)
    return failures.by_text(address, _innermost(error))


def _innermost(error: BaseException | str) -> str:
    """What happened, out of the nested reports of a failed connection."""
    while isinstance(error, BaseException):
        inner = getattr(error, "exceptions", None) or getattr(error, "exception", None) or error.args
        inner = inner[-1] if isinstance(inner, (tuple, list)) and inner else inner
        if isinstance(error, OSError) or not isinstance(inner, BaseException):
            return str(error) or type(error).__name__
        error = inner
    return error
