"""``heliograph runs``, ``replay``, ``export`` and ``diff`` as they are typed, on real logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heliograph.bus.open import open_log
from heliograph.bus.payloads import Outcome
from run_events import Attempt, model
from typed_commands import Typed, declared, typing

ORDERS, ITEMS = model("orders"), model("items")


@pytest.fixture
def heliograph(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Typed]:
    return typing(capsys, monkeypatch)


def publish(url: str, run: str, **outcomes: Outcome) -> None:
    log = open_log(url)
    log.append(Attempt(run=run).whole([ORDERS, ITEMS], **outcomes))
    log.close()


def test_every_declared_command_can_be_loaded() -> None:
    assert all(callable(point.load()) for point in declared())


def test_runs_of_a_log_are_listed_the_newest_first(bus_url: str, heliograph: Callable[..., Typed]) -> None:
    publish(bus_url, "shop//scheduled__2026-11-22T20:54:33.123456+00:00")
    publish(bus_url, "shop//newer", items=Outcome.ERROR)
    lines = heliograph("runs", "--since", "2020-01-01", bus=bus_url).out.splitlines()
    assert lines[0].split() == ["run", "state", "attempts", "nodes", "started", "seconds", "started", "by"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["shop//newer", "failed"],
        ["shop//scheduled__2026-11-22T20:54:33.123456+00:00", "finished"],
    ]
    assert "1 error, 1 success" in lines[1]


def test_runs_are_listed_as_json(sqlite_bus_url: str, heliograph: Callable[..., Typed]) -> None:
    for run in ("a", "b", "c"):
        publish(sqlite_bus_url, run)
    found = json.loads(heliograph("runs", "--json", "--limit", 2, bus=sqlite_bus_url).out)
    assert [run["run"] for run in found] == ["c", "b"]
    assert found[0]["nodes"] == {"success": 2}
    assert json.loads(heliograph("runs", "--json", "--since", "2999-01-01", bus=sqlite_bus_url).out) == []
    assert heliograph("runs", "--since", "2999-01-01", bus=sqlite_bus_url).out == "No runs.\n"


def test_a_run_is_exported_replayed_and_compared(
    bus_url: str, tmp_path: Path, heliograph: Callable[..., Typed]
) -> None:
    publish(bus_url, "good")
    publish(bus_url, "bad", items=Outcome.ERROR)
    file = tmp_path / "good.jsonl.gz"
    assert heliograph("export", "good", "--out", file, bus=bus_url).out == f"5 events of run good are in {file}\n"

    replayed = heliograph("replay", "--from", file, "--speed", "max", "--decisions")
    assert replayed.exit_code == 0
    assert "task model.shop.items: success" in replayed.out
    assert heliograph("replay", "bad", "--speed", "1e3", bus=bus_url).exit_code == 1
    stopped = heliograph("replay", "bad", "--until", "items", "--speed", "max", bus=bus_url)
    assert stopped.exit_code == 0
    assert "Run bad after 4 events" in stopped.out

    same = heliograph("diff", file, "good", bus=bus_url)
    assert (same.exit_code, "Same nodes, same outcomes." in same.out) == (0, True)
    other = heliograph("diff", file, "bad", "--json", bus=bus_url)
    assert other.exit_code == 1
    assert json.loads(other.out)["outcomes"] == [{"unique_id": ITEMS.unique_id, "left": "success", "right": "error"}]


def test_without_a_file_an_export_goes_to_standard_output(
    sqlite_bus_url: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(sqlite_bus_url, "good")
    from heliograph.consumers.export_cli import export

    export("good", sqlite_bus_url)
    header, *events = capfdbinary.readouterr().out.splitlines()
    assert json.loads(header)["events"] == len(events) == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["replay"], "Give either a run or a file"),
        (["replay", "good", "--from", "x"], "Both a run and a file are given"),
        (["replay", "good", "--speed", "0"], "'0' is no speed. Setting: --speed"),
        (["replay", "good", "--speed", "fast"], "'fast' is no speed"),
        (["replay", "goot"], "did you mean 'good'"),
        (["replay", "--from", "/no/such"], "/no/such cannot be read: No such file"),
        (["replay", "--from", "pyproject.toml"], "pyproject.toml, line 1: not the header of a recording"),
        (["export", "goot"], "did you mean 'good'"),
        (["diff", "good", "goot"], "did you mean 'good'"),
        (["diff", "good", "missing.jsonl"], "missing.jsonl cannot be read"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str], told: str, sqlite_bus_url: str, heliograph: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    publish(sqlite_bus_url, "good")
    typed = heliograph(*words, bus=sqlite_bus_url)
    assert typed.exit_code == 2
    assert told in typed.err
    assert len(typed.err.splitlines()) == 1
