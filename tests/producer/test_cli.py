"""``heliograph run`` as users type it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import psutil
import pytest

from dbt_runs import Shop, latest_attempt
from heliograph.bus.events import BaseEvent, Event, NodeStarted, RunAborted
from heliograph.bus.open import open_log
from heliograph.producer.cli import stopped_by_signals
from watched_log import WatchedLog

HELIOGRAPH = str(Path(sys.executable).parent / "heliograph")
KEY = "cli/by-hand"


class CommandLine:
    """``heliograph run`` on a copy of the shop, with an embedded log of its own."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.shop = Shop.copy(folder / "shop", **options)
        self.bus = f"sqlite:///{folder / 'events.db'}"

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        folder = str(self.shop.folder)
        return subprocess.Popen(
            [HELIOGRAPH, "run", "--run", KEY, "--project-dir", folder, "--profiles-dir", folder, *words],
            env={**self.shop.env, "HELIOGRAPH_BUS_URL": self.bus, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **env: str) -> tuple[int, str, str]:
        process = self.start(*words, **env)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    async def until(self, kind: type[BaseEvent]) -> list[Event]:
        """The events up to the first of the kind, as soon as that is in the log."""
        log, found = open_log(self.bus), []
        try:
            async for recorded in log.follow(KEY):
                found.append(recorded.event)
                if isinstance(recorded.event, kind):
                    break
            return found
        finally:
            await log.aclose()


def test_a_signal_ends_dbt_publishes_the_abort_and_keeps_dbts_exit_code(tmp_path: Path) -> None:
    line = CommandLine(tmp_path, gated=True)
    process = line.start("--", "run", "--select", "slow")
    assert process.stdout is not None
    asyncio.run(line.until(NodeStarted))
    line.shop.reach_gate()
    processes = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    told = list(takewhile(lambda text: "CANCEL query model.shop.slow" not in text, process.stdout))
    process.send_signal(signal.SIGINT)  # Python code cannot be cancelled: it takes the second, harder signal
    process.communicate(timeout=240)
    assert process.returncode == 2
    assert told[0] == f"heliograph: run {KEY}\n"
    assert any("1 of 1 START python table model main.slow" in text for text in told)
    state = latest_attempt(asyncio.run(line.until(RunAborted)))
    assert state.complete
    assert state.aborted is not None
    assert state.aborted.data.reason == "the producer received SIGTERM"
    assert state.nodes_finished == {}
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_stops_the_command_instead_of_this_process(tmp_path: Path, signum: signal.Signals) -> None:
    shop, log, before = Shop.copy(tmp_path / "shop"), WatchedLog(), signal.getsignal(signum)
    command = shop.command("seed", log=log)
    with stopped_by_signals(command):
        signal.raise_signal(signum)
        result = command.run()
    assert result.exit_code == 2
    aborted = log.events[-1]
    assert isinstance(aborted, RunAborted)
    assert aborted.data.reason == f"the producer received {signum.name}"
    assert signal.getsignal(signum) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--project-dir", "/no/such/project", "--", "build"], ["dbt_project.yml", "--project-dir"]),
        (["--dbt-executable", "no-such-dbt", "--", "build"], ["no-such-dbt", "--dbt-executable"]),
        (["--", "debug"], ["dbt debug", "build, run, test, seed, snapshot"]),
        (["--bus", "kafka://x", "--", "build"], ["kafka"]),
        (["--bus", "amqp://guest:guest@127.0.0.1:1/", "--dbt-executable", "no", "--", "build"], ["--dbt-executable"]),
    ],
)
def test_wrong_words_are_one_line_that_names_the_option(tmp_path: Path, words: list[str], told: list[str]) -> None:
    code, _, err = CommandLine(tmp_path).run(*words)
    assert code == 2
    assert "Traceback" not in err
    lines = [found for found in err.splitlines() if found.strip()]
    assert len(lines) == 1
    assert all(word in lines[0] for word in told)


def test_a_bus_that_is_down_leaves_dbts_log_and_exit_code_and_says_how_to_help(tmp_path: Path) -> None:
    words = ["--bus", "amqp://guest:secret@127.0.0.1:1/", "--drain-limit", "0.1"]
    line = CommandLine(tmp_path, breaking="test")
    code, out, err = line.run(*words, "--", "build", "--select", "+assert_amounts_are_large")
    assert code == 1
    assert "1 of 1 OK hook" in out
    assert "OK loaded seed file" in out
    assert "events were not delivered" in err
    assert "Fix:" in err
    assert "secret" not in out + err
    assert "Traceback" not in err
