"""What can be wrong with a RabbitMQ event log, said once for both of its clients."""

from __future__ import annotations

from heliograph.bus.errors import BusError, BusMissing, BusRefused, BusUnavailable
from heliograph.bus.rabbitmq.url import RabbitMqAddress

_SETTING = "bus_url"


def unavailable(address: RabbitMqAddress, why: str) -> BusUnavailable:
    return BusUnavailable(
        f"RabbitMQ at {address.server} does not answer: {why}",
        setting=_SETTING,
        fix="start the server, or correct host and port",
    )


def refused_login(address: RabbitMqAddress) -> BusRefused:
    return BusRefused(
        f"RabbitMQ at {address.server} refused the login of user {address.user!r}",
        setting=_SETTING,
        fix="correct user and password, with special characters percent-encoded",
    )


def refused_virtual_host(address: RabbitMqAddress) -> BusRefused:
    return BusRefused(
        f"RabbitMQ at {address.server} has no virtual host {address.virtual_host!r}, "
        f"or user {address.user!r} may not use it",
        setting=_SETTING,
        fix="correct the virtual host (the path of the URL), or let the server's administrator grant it",
    )


def refused_certificate(address: RabbitMqAddress, why: str) -> BusRefused:
    return BusRefused(
        f"The TLS certificate of RabbitMQ at {address.server} is not trusted: {why}",
        setting=_SETTING,
        fix="add the option cafile=/path/to/authorities.pem, or correct the host name",
    )


def refused(address: RabbitMqAddress, why: str) -> BusRefused:
    return BusRefused(
        f"RabbitMQ at {address.server} refused: {why}",
        setting=_SETTING,
        fix=f"grant user {address.user!r} write on exchange {address.exchange!r} to publish, "
        f"read on queue {address.stream!r} to follow",
    )


def missing(address: RabbitMqAddress, what: str) -> BusMissing:
    return BusMissing(
        f"RabbitMQ at {address.server} has {what}",
        setting=_SETTING,
        fix="run `heliograph bus create --bus URL` once, as a user who may configure the virtual host",
    )


def missing_binding(address: RabbitMqAddress) -> BusMissing:
    return missing(address, f"no binding from exchange {address.exchange!r} to stream {address.stream!r}")


def not_a_stream(address: RabbitMqAddress) -> BusMissing:
    return missing(address, f"a queue {address.stream!r} that is not a stream")


def by_reply_code(address: RabbitMqAddress, code: int, text: str) -> BusError:
    """The error for a channel or connection that the server closed with this AMQP reply code."""
    if code == 404 and _names_an_absent_entity(text):
        return missing(address, _absent(text))
    if code == 406 and "x-stream-offset" in text:
        return not_a_stream(address)
    if code in (403, 406):
        return refused(address, text)
    return unavailable(address, text)


def by_text(address: RabbitMqAddress, text: str) -> BusError:
    """The error for a connection that failed to open, from what the client says about it."""
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return refused_certificate(address, text)
    return unavailable(address, text)


def _names_an_absent_entity(text: str) -> bool:
    # A queue that is merely down after a restart is a 404 as well, with other words.
    return "no queue '" in text or "no exchange '" in text


def _absent(text: str) -> str:
    return text.removeprefix("NOT_FOUND - ").replace("no queue", "no stream")
