"""The address in an ``amqp://`` URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from heliograph.bus.errors import UnknownBusScheme
from heliograph.bus.rabbitmq.url import RabbitMqAddress, parse


def test_what_the_url_leaves_out_is_what_amqp_clients_take() -> None:
    assert parse("amqp://broker") == RabbitMqAddress(
        host="broker",
        port=5672,
        virtual_host="/",
        user="guest",
        password="guest",
        tls=False,
        exchange="heliograph",
        stream="heliograph",
        environment="default",
    )


def test_every_part_may_be_given() -> None:
    url = "amqps://ada:p%40ss%2Fw@broker:1234/prod%2Fdbt?exchange=e&stream=s&environment=blue&cafile=/ca.pem"

    assert parse(url) == RabbitMqAddress(
        host="broker",
        port=1234,
        virtual_host="prod/dbt",
        user="ada",
        password="p@ss/w",
        tls=True,
        exchange="e",
        stream="s",
        environment="blue",
        cafile="/ca.pem",
    )


@pytest.mark.parametrize(
    ("path", "virtual_host"), [("", "/"), ("/", "/"), ("/%2F", "/"), ("/prod", "prod"), ("/%2Fprod", "/prod")]
)
def test_the_path_is_the_virtual_host(path: str, virtual_host: str) -> None:
    assert parse(f"amqp://broker{path}").virtual_host == virtual_host


def test_credentials_never_show() -> None:
    address = parse("amqp://ada:secret@broker/prod")

    for shown in (str(address), repr(address), f"{address}"):
        assert "secret" not in shown
        assert "ada" not in shown


def test_a_pem_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    with pytest.raises(UnknownBusScheme, match=f"names a PEM file that cannot be read .{missing}.*Setting: bus_url"):
        parse(f"amqps://broker/?cafile={missing}").tls_context()


def test_an_address_without_tls_has_no_tls_context() -> None:
    assert parse("amqp://broker").tls_context() is None
