"""``heliograph run`` as users type it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dbt_runs import Shop
from heliograph.bus.events import BaseEvent, NodeStarted, RunAborted, RunFinished
from heliograph.bus.open import open_log

HELIOGRAPH = str(Path(sys.executable).parent / "heliograph")
KEY = "cli/by-hand"
E = TypeVar("E", bound=BaseEvent)


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

    async def until(self, kind: type[E]) -> E:
        """The first event of the kind, as soon as it is in the log."""
        log = open_log(self.bus)
        try:
            async for recorded in log.follow(KEY):
                if isinstance(recorded.event, kind):
                    return recorded.event
            raise AssertionError("the log ended")
        finally:
            await log.aclose()


def test_runs_dbt_with_its_log_and_its_exit_code_and_fills_the_log(tmp_path: Path) -> None:
    line = CommandLine(tmp_path, breaking="test")
    code, out, _ = line.run("--", "build", "--select", "+assert_amounts_are_large")
    assert code == 1
    assert out.startswith(f"heliograph: run {KEY}\n")
    assert "1 of 1 OK hook" in out
    finished = asyncio.run(line.until(RunFinished))
    assert finished.data.exit_code == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_dbt_publishes_the_abort_and_keeps_dbts_exit_code(tmp_path: Path, signum: signal.Signals) -> None:
    line = CommandLine(tmp_path, gated=True)
    process = line.start("--", "run", "--select", "slow")
    asyncio.run(line.until(NodeStarted))
    process.send_signal(signum)
    process.send_signal(signum)  # the model may not let itself be interrupted
    process.communicate(timeout=240)
    assert process.returncode == 2
    aborted = asyncio.run(line.until(RunAborted))
    assert aborted.data.reason == f"the producer received {signum.name}"


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


def test_a_bus_that_is_down_leaves_dbts_exit_code_and_says_how_to_help(tmp_path: Path) -> None:
    words = ["--bus", "amqp://guest:secret@127.0.0.1:1/", "--drain-limit", "0.1", "--", "seed"]
    code, out, err = CommandLine(tmp_path).run(*words)
    assert code == 0
    assert "OK loaded seed file" in out
    assert "events were not delivered" in err
    assert "Fix:" in err
    assert "secret" not in out + err
    assert "Traceback" not in err
