"""Which real server a test takes: a given address, the machine's own programs, a container; else a clear error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from local_servers import postgres, rabbitmq

AMQP_VARIABLE: Final = "HELIOGRAPH_TEST_AMQP_URL"
POSTGRES_VARIABLE: Final = "HELIOGRAPH_TEST_POSTGRES_URL"

_RABBITMQ_IMAGE: Final = "rabbitmq:4"
_POSTGRES_IMAGE: Final = "postgres:17"


class RabbitServer(Protocol):
    """A running RabbitMQ. One that is ours to stop is a ``PrivateRabbit``."""

    @property
    def url(self) -> str:
        """AMQP URL with credentials and virtual host, without options."""
        ...


@dataclass(frozen=True, kw_only=True)
class GivenRabbit:
    """A server that somebody else started."""

    url: str


@contextmanager
def rabbitmq_server(folder: Path) -> Iterator[RabbitServer]:
    """A running RabbitMQ.

    Raises:
        FileNotFoundError: there is none and nothing to start one with; the message tells what to install.
    """
    if given := os.environ.get(AMQP_VARIABLE):
        yield GivenRabbit(url=given)
    elif rabbitmq.programs() is not None or not _has_container_engine():
        with rabbitmq.private_rabbitmq(folder) as private:
            yield private
    else:
        from testcontainers.community.rabbitmq import RabbitMqContainer

        with RabbitMqContainer(_RABBITMQ_IMAGE) as container:
            host, port = container.get_container_host_ip(), container.get_exposed_port(container.port)
            yield GivenRabbit(url=f"amqp://{container.username}:{container.password}@{host}:{port}/%2F")


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """The URL of a running PostgreSQL whose user may create databases.

    Raises:
        FileNotFoundError: there is none and nothing to start one with; the message tells what to install.
    """
    if given := os.environ.get(POSTGRES_VARIABLE):
        yield given
    elif postgres.programs() is not None or not _has_container_engine():
        with postgres.private_postgres(folder) as url:
            yield url
    else:
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer(_POSTGRES_IMAGE, driver=None) as container:
            yield container.get_connection_url()


def _has_container_engine() -> bool:
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env(timeout=5).ping()
    except DockerException:
        return False
    return True
