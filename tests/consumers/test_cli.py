"""``heliograph tail`` as it is typed, on a real SQLite log."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from heliograph.bus.payloads import Outcome
from heliograph.bus.sqlite_log import SqliteLog
from heliograph.consumers.cli import tail
from run_events import Attempt, model

RUN = "shop/run-1"
ORDERS = model("orders")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def published(path: Path, **outcomes: Outcome) -> str:
    log = SqliteLog(path)
    log.append(Attempt().whole([ORDERS], **outcomes))
    log.close()
    return f"sqlite:///{path}"


def typed(*arguments: str, bus: str | None = None) -> Result:
    app = typer.Typer()
    app.command()(tail)
    return CliRunner().invoke(app, list(arguments), env={"HELIOGRAPH_BUS_URL": bus})


def test_it_ends_with_the_run_and_its_exit_code(path: Path) -> None:
    result = typed(RUN, "--bus", published(path))
    assert result.exit_code == 0
    assert "success  model.shop.orders" in result.output


def test_failed_nodes_are_exit_code_one(path: Path) -> None:
    assert typed(RUN, "--no-follow", bus=published(path, orders=Outcome.ERROR)).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "bus", "words"),
    [
        ([RUN], None, ["No bus is named", "--bus", "HELIOGRAPH_BUS_URL"]),
        ([RUN], "kafka://somewhere", ["unknown scheme", "kafka"]),
        ([RUN, "--bus", "sqlite://"], None, ["sqlite"]),
    ],
)
def test_bad_input_is_one_clear_message(arguments: list[str], bus: str | None, words: list[str]) -> None:
    result = typed(*arguments, bus=bus)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert all(word in result.stderr for word in words)
    assert "Traceback" not in result.output


def test_an_unknown_run_is_one_clear_message(path: Path) -> None:
    result = typed("shop/other", "--no-follow", bus=published(path))
    assert result.exit_code == 2
    assert "no event of run 'shop/other'" in result.stderr


def test_the_time_limit_is_one_clear_message(path: Path) -> None:
    result = typed("shop/other", "--timeout", "0.2", bus=published(path))
    assert result.exit_code == 2
    assert "did not end within 0.2 s" in result.stderr
