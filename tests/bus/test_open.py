"""From a bus URL to its log, and every way the URL can be wrong."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from heliograph.bus.errors import BusError, UnknownBusScheme
from heliograph.bus.open import open_log
from heliograph.bus.rabbitmq.log import RabbitMqLog
from heliograph.bus.sqlite_log import SqliteLog


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////var/lib/events.db", Path("/var/lib/events.db")),
        ("sqlite:///events.db", Path("events.db")),
        ("sqlite:///folder/my%20events.db", Path("folder/my events.db")),
        ("SQLITE:///events.db", Path("events.db")),
        ("sqlite:///~/events.db", Path.home() / "events.db"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: Path) -> None:
    log = open_log(url)

    assert isinstance(log, SqliteLog)
    assert log.path == path


def test_an_amqp_url_names_a_server() -> None:
    log = open_log("amqps://ada:pw@broker.example/prod?exchange=x&stream=s&environment=e")

    assert isinstance(log, RabbitMqLog)
    assert (log.address.server, log.address.virtual_host) == ("broker.example:5671", "prod")
    assert (log.address.exchange, log.address.stream, log.address.environment) == ("x", "s", "e")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://ada:pw@broker/", "The bus URL has the unknown scheme 'http'"),
        ("rabbitmq://broker/", "The bus URL has the unknown scheme 'rabbitmq'"),
        ("", "The bus URL has no scheme"),
        ("events.db", "The bus URL has no scheme"),
        ("ada:pw@broker", "The bus URL has no scheme"),
        ("sqlite://", "The sqlite bus URL does not name a file alone"),
        ("sqlite:///", "The sqlite bus URL does not name a file alone"),
        ("sqlite://folder/events.db", "The sqlite bus URL does not name a file alone"),
        ("sqlite:///events.db?mode=ro", "The sqlite bus URL does not name a file alone"),
        ("amqp://", "The bus URL names no host"),
        ("amqp:///vhost", "The bus URL names no host"),
        ("amqp://ada:p/w@broker", "The bus URL has a port that is no number"),
        ("amqp://broker:port/", "The bus URL has a port that is no number"),
        ("amqp://broker/?queue=q", "The bus URL has the unknown option 'queue'"),
        ("amqp://broker/?stream=", "The bus URL has the empty option 'stream'"),
    ],
)
def test_a_bad_url_is_told_with_setting_and_fix_and_without_its_password(url: str, problem: str) -> None:
    with pytest.raises(UnknownBusScheme) as told:
        open_log(url)

    assert told.value.problem.startswith(problem)
    assert told.value.setting == "bus_url"
    assert told.value.fix is not None
    assert "pw" not in str(told.value).replace("password", "")


def test_a_missing_client_is_told_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without_pika(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "pika" else find_spec(name, package)

    monkeypatch.setattr("heliograph.bus.open.find_spec", without_pika)

    with pytest.raises(BusError, match=r"needs the package pika.*pip install 'heliograph\[rabbitmq\]'"):
        open_log("amqp://broker/")


def test_opening_a_file_loads_no_client_of_rabbitmq(tmp_path: Path) -> None:
    script = (
        "import sys; from heliograph.bus.open import open_log; open_log(sys.argv[1])\n"
        "print(sorted({'pika', 'aio_pika', 'aiormq'} & sys.modules.keys()))"
    )
    url = f"sqlite:///{tmp_path / 'events.db'}"
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_opening_a_server_connects_to_nothing() -> None:
    open_log("amqp://no-such-host.invalid:1/")
