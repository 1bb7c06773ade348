"""What a real RabbitMQ refuses or lacks: one clear error each, for both sides of the log and for its making."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pika
import pytest

from bus_fixtures import delete_topology, unused_names
from following import first, stored
from heliograph.bus.errors import BusError, BusMissing, BusRefused, BusUnavailable
from heliograph.bus.rabbitmq import topology
from heliograph.bus.rabbitmq.log import RabbitMqLog
from heliograph.bus.rabbitmq.pika_client import connection_parameters
from heliograph.bus.rabbitmq.url import RabbitMqAddress, parse
from local_servers.choose import RabbitServer
from local_servers.ports import free_port
from local_servers.rabbitmq import PrivateRabbit
from run_events import Attempt

pytestmark = pytest.mark.rabbitmq

RUN = Attempt().run


@pytest.fixture
def address(rabbitmq_bus_url: str) -> RabbitMqAddress:
    """A log that exists and can be used."""
    return parse(rabbitmq_bus_url)


@pytest.fixture
def absent(rabbitmq_server: RabbitServer) -> Iterator[RabbitMqAddress]:
    """A log of which nothing exists on the server."""
    address = parse(unused_names(rabbitmq_server.url))
    yield address
    delete_topology(address)


def append(address: RabbitMqAddress) -> None:
    with closing(RabbitMqLog(address)) as log:
        log.append([Attempt().heartbeat()])


def read(address: RabbitMqAddress) -> None:
    async def reading() -> None:
        log = RabbitMqLog(address)
        try:
            await stored(log, RUN)
        finally:
            await log.aclose()

    asyncio.run(reading())


def follow(address: RabbitMqAddress) -> None:
    async def following() -> None:
        log = RabbitMqLog(address)
        try:
            await first(1, log, RUN)
        finally:
            await log.aclose()

    asyncio.run(following())


Use = Callable[[RabbitMqAddress], None]
EVERY_USE = pytest.mark.parametrize("use", [append, read, follow, topology.check, topology.create])


@EVERY_USE
def test_refused_credentials(use: Use, address: RabbitMqAddress) -> None:
    wrong = replace(address, user="mallory", password="secret")
    with pytest.raises(BusRefused) as told:
        use(wrong)

    assert str(told.value) == (
        f"RabbitMQ at {address.server} refused the login of user 'mallory'. Setting: bus_url. "
        "Fix: correct user and password, with special characters percent-encoded."
    )


@EVERY_USE
def test_a_virtual_host_that_is_not_there(use: Use, address: RabbitMqAddress) -> None:
    with pytest.raises(BusRefused) as told:
        use(replace(address, virtual_host="nowhere"))

    assert str(told.value).startswith(
        f"RabbitMQ at {address.server} has no virtual host 'nowhere', or user {address.user!r} may not use it. "
        "Setting: bus_url."
    )


@pytest.mark.parametrize("use", [append, read, topology.check, topology.create])
def test_a_server_that_is_not_there(use: Use, address: RabbitMqAddress) -> None:
    nobody = replace(address, host="127.0.0.1", port=free_port())
    with pytest.raises(BusUnavailable) as told:
        use(nobody)

    assert str(told.value).startswith(f"RabbitMQ at {nobody.server} does not answer: ")
    assert "refused" in told.value.problem or "Connect call failed" in told.value.problem
    assert str(told.value).endswith("Setting: bus_url. Fix: start the server, or correct host and port.")


@pytest.mark.parametrize("use", [append, read, topology.check])
def test_a_host_name_nobody_knows(use: Use, address: RabbitMqAddress) -> None:
    with pytest.raises(BusUnavailable, match=r"RabbitMQ at broker\.invalid:5672 does not answer: .*Setting: bus_url"):
        use(replace(address, host="broker.invalid", port=5672))


@pytest.mark.parametrize("use", [append, topology.check])
def test_a_missing_exchange(use: Use, absent: RabbitMqAddress) -> None:
    with pytest.raises(BusMissing) as told:
        use(absent)

    assert str(told.value) == (
        f"RabbitMQ at {absent.server} has no exchange '{absent.exchange}' in vhost '/'. Setting: bus_url. "
        "Fix: run `heliograph bus create --bus URL` once, as a user who may configure the virtual host."
    )


@pytest.mark.parametrize("use", [read, follow])
def test_a_missing_stream(use: Use, absent: RabbitMqAddress) -> None:
    with pytest.raises(BusMissing) as told:
        use(absent)

    assert str(told.value) == (
        f"RabbitMQ at {absent.server} has no stream '{absent.stream}' in vhost '/'. Setting: bus_url. "
        "Fix: run `heliograph bus create --bus URL` once, as a user who may configure the virtual host."
    )


@pytest.mark.parametrize("use", [append, topology.check])
def test_an_exchange_without_its_stream(use: Use, address: RabbitMqAddress) -> None:
    with pytest.raises(BusMissing, match="has no stream 'elsewhere' in vhost"):
        use(_with_unbound_exchange(replace(address, stream="elsewhere")))


def test_a_missing_binding(address: RabbitMqAddress) -> None:
    with pytest.raises(BusMissing) as told:
        append(_with_unbound_exchange(address))

    assert told.value.problem == (
        f"RabbitMQ at {address.server} has no binding from exchange 'unbound' to stream '{address.stream}'"
    )
    assert told.value.fix is not None
    assert "heliograph bus create" in told.value.fix


@pytest.mark.parametrize("use", [read, follow])
def test_a_queue_that_is_no_stream(use: Use, absent: RabbitMqAddress) -> None:
    with closing(_administrator(absent)) as connection:
        channel = connection.channel()
        channel.queue_declare(absent.stream)
        channel.basic_publish("", absent.stream, b"{}")

        with pytest.raises(BusMissing, match=r"a queue .* that is not a stream"):
            use(absent)


def test_a_user_without_the_right_to_write_or_read(rabbitmq_server: RabbitServer, address: RabbitMqAddress) -> None:
    if not isinstance(rabbitmq_server, PrivateRabbit):
        pytest.skip("the RabbitMQ server is not ours to add users to")
    rabbitmq_server.ctl("add_user", "reader", "secret")
    rabbitmq_server.ctl("set_permissions", "reader", "^$", "^$", "^$")
    guest = replace(address, user="reader", password="secret")

    for use, what in ((append, "exchange"), (read, "queue")):
        with pytest.raises(BusRefused, match=f"refused: ACCESS_REFUSED - .*access to {what}.*Fix: grant user 'reader'"):
            use(guest)


def test_a_user_who_may_only_write_can_append_and_one_who_may_only_read_can_follow(
    rabbitmq_server: RabbitServer, address: RabbitMqAddress
) -> None:
    if not isinstance(rabbitmq_server, PrivateRabbit):
        pytest.skip("the RabbitMQ server is not ours to add users to")
    for name, write, may_read in (("only-writes", address.exchange, "^$"), ("only-reads", "^$", address.stream)):
        rabbitmq_server.ctl("add_user", name, "secret")
        rabbitmq_server.ctl("set_permissions", name, "^$", write, may_read)

    append(replace(address, user="only-writes", password="secret"))
    follow(replace(address, user="only-reads", password="secret"))


def test_making_it_twice_is_the_same_as_once(absent: RabbitMqAddress) -> None:
    topology.create(absent)
    topology.create(absent)

    topology.check(absent)
    append(absent)


def test_making_it_with_another_age_is_told(address: RabbitMqAddress) -> None:
    with pytest.raises(BusError, match=r"has them with other properties: .*x-max-age.*Fix: choose other names"):
        topology.create(address, max_age="5D")


@pytest.mark.parametrize("max_age", ["", "7", "7w", "0D", "a week"])
def test_an_age_the_server_does_not_know_is_told(max_age: str, absent: RabbitMqAddress) -> None:
    with pytest.raises(BusError, match=f"'{max_age}' is not an age. Setting: --max-age. Fix: write a number and one"):
        topology.create(absent, max_age=max_age)


def _administrator(address: RabbitMqAddress) -> pika.BlockingConnection:
    return pika.BlockingConnection(connection_parameters(address, timeout_s=10))


def _with_unbound_exchange(address: RabbitMqAddress) -> RabbitMqAddress:
    with closing(_administrator(address)) as connection:
        connection.channel().exchange_declare("unbound", exchange_type="topic", durable=True, auto_delete=False)
    return replace(address, exchange="unbound")
