"""``heliograph tail`` as it is typed, on real logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from heliograph.bus.command_line import main
from heliograph.bus.open import open_log
from heliograph.bus.payloads import Outcome
from run_events import Attempt, model

RUN = "shop/run-1"
ORDERS = model("orders")


@dataclass
class Typed:
    """What a command printed and how it ended."""

    exit_code: int | str | None
    out: str
    err: str


@pytest.fixture
def tail(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Typed]:
    def typed(*arguments: str, bus: str | None = None) -> Typed:
        monkeypatch.delenv("HELIOGRAPH_BUS_URL", raising=False)
        if bus is not None:
            monkeypatch.setenv("HELIOGRAPH_BUS_URL", bus)
        monkeypatch.setattr("sys.argv", ["heliograph", "tail", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Typed(ended.value.code, printed.out, printed.err)

    return typed


def publish(url: str, **outcomes: Outcome) -> None:
    log = open_log(url)
    log.append(Attempt().whole([ORDERS], **outcomes))
    log.close()


def test_it_ends_with_the_run_and_its_exit_code(bus_url: str, tail: Callable[..., Typed]) -> None:
    publish(bus_url)
    typed = tail(RUN, "--bus", bus_url, "--timeout", "60")
    assert typed.exit_code == 0
    assert "success  model.shop.orders" in typed.out


def test_without_following_it_prints_what_is_there(bus_url: str, tail: Callable[..., Typed]) -> None:
    publish(bus_url, orders=Outcome.ERROR)
    typed = tail(RUN, "--no-follow", bus=bus_url)
    assert typed.exit_code == 1
    assert "error    model.shop.orders" in typed.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([RUN, "--bus", "kafka://somewhere"], ["unknown scheme", "kafka"]),
        ([RUN, "--bus", "sqlite://"], ["sqlite:////absolute"]),
        ([RUN, "--bus", "sqlite:////proc/no/such.db", "--no-follow"], ["cannot be written"]),
        ([RUN, "--bus", "sqlite:////proc/no/such.db", "--timeout", "0.2"], ["did not end within 0.2 s"]),
        ([RUN, "--bus", "amqp://guest:guest@localhost:1/", "--no-follow"], ["RabbitMQ at localhost:1 does not answer"]),
    ],
)
def test_bad_input_is_a_clear_message(arguments: list[str], words: list[str], tail: Callable[..., Typed]) -> None:
    typed = tail(*arguments)
    assert typed.exit_code == 2
    assert all(word in typed.err for word in words), typed.err
    assert "Traceback" not in typed.err + typed.out


def test_without_a_bus_it_reads_the_file_of_the_users_own_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tail: Callable[..., Typed]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    publish(f"sqlite:///{tmp_path}/heliograph/events.db")

    assert "model.shop.orders" in tail(RUN, "--no-follow").out


def test_an_unknown_run_is_a_clear_message(sqlite_bus_url: str, tail: Callable[..., Typed]) -> None:
    publish(sqlite_bus_url)
    typed = tail("shop/other", "--no-follow", bus=sqlite_bus_url)
    assert typed.exit_code == 2
    assert "no event of run 'shop/other'" in typed.err
