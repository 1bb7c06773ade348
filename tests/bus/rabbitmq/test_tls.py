"""The log over TLS, against a node of its own with a certificate nobody else trusts."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from following import stored
from heliograph.bus.errors import BusRefused
from heliograph.bus.rabbitmq import topology
from heliograph.bus.rabbitmq.log import RabbitMqLog
from heliograph.bus.rabbitmq.url import RabbitMqAddress, parse
from local_servers import rabbitmq
from local_servers.ports import free_port
from run_events import Attempt

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(
        rabbitmq.programs() is None or shutil.which("openssl") is None,
        reason="needs a RabbitMQ of its own and openssl, to make a certificate",
    ),
]


@dataclass(frozen=True, kw_only=True)
class TlsServer:
    """A node that listens for TLS, and the certificate to trust."""

    port: int
    certificate: Path

    def url(self, *, options: str = "") -> str:
        return f"amqps://guest:guest@127.0.0.1:{self.port}/{options}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key, port = folder / "certificate.pem", folder / "key.pem", free_port()
    request = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*request.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    config = (
        f"listeners.ssl.1 = 127.0.0.1:{port}\n"
        f"ssl_options.cacertfile = {certificate}\nssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n"
    )
    with rabbitmq.private_rabbitmq(folder / "node", config=config):
        yield TlsServer(port=port, certificate=certificate)


def append(address: RabbitMqAddress) -> None:
    RabbitMqLog(address).append([Attempt().heartbeat()])


def read(address: RabbitMqAddress) -> list[str]:
    async def reading() -> list[str]:
        log = RabbitMqLog(address)
        try:
            return [recorded.event.id for recorded in await stored(log, Attempt().run)]
        finally:
            await log.aclose()

    return asyncio.run(reading())


def test_both_sides_of_the_log_work_over_tls(server: TlsServer) -> None:
    address = parse(server.url(options=f"?cafile={server.certificate}"))
    topology.create(address)
    event = Attempt().heartbeat()
    with closing(RabbitMqLog(address)) as log:
        log.append([event])

    assert read(address) == [event.id]


@pytest.mark.parametrize("use", [append, read, topology.create])
def test_a_certificate_nobody_trusts_is_told_with_the_option_that_helps(
    server: TlsServer, use: Callable[[RabbitMqAddress], object]
) -> None:
    with pytest.raises(BusRefused, match=r"is not trusted: .*Setting: bus_url\. Fix: add the option cafile="):
        use(parse(server.url()))
