"""Real servers, started once for each pytest process and only where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus_fixtures import fresh_topology, sqlite_url
from local_servers import choose
from local_servers.choose import RabbitServer
from local_servers.rabbitmq import PrivateRabbit


@pytest.fixture(scope="session")
def rabbitmq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A real RabbitMQ."""
    with choose.rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def own_rabbitmq(rabbitmq_server: RabbitServer) -> Iterator[PrivateRabbit]:
    """The same RabbitMQ for a test that stops it; it runs again afterwards."""
    if not isinstance(rabbitmq_server, PrivateRabbit):
        pytest.skip("the RabbitMQ server is not ours to stop")
    yield rabbitmq_server
    rabbitmq_server.start()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server."""
    with choose.postgres_server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def sqlite_bus_url(tmp_path: Path) -> str:
    """A bus in a file that does not exist yet."""
    return sqlite_url(tmp_path)


@pytest.fixture
def rabbitmq_bus_url(rabbitmq_server: RabbitServer) -> Iterator[str]:
    """A bus on RabbitMQ, declared and empty."""
    with fresh_topology(rabbitmq_server.url) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def bus_url(request: pytest.FixtureRequest) -> str:
    """An empty bus, once on SQLite and once on RabbitMQ."""
    url: str = request.getfixturevalue(f"{request.param}_bus_url")
    return url
