"""Real dbt commands on the producer's fixture projects, run by the real producer."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from heliograph.bus.events import Event, NodeFinished, NodeStarted, RunPlanned
from heliograph.bus.log import EventLog
from heliograph.bus.payloads import NodeFinishedData, RunAbortedData, RunFinishedData, RunPlannedData
from heliograph.bus.run_state import AttemptState, RunState
from heliograph.producer.command import CommandResult, DbtCommand
from watched_log import WatchedLog

PROJECTS = Path(__file__).parent / "producer" / "projects"
PROJECT = PROJECTS / "shop"
NAMES = PROJECTS / "names"
"""Every type of node, and names that are easily taken for each other."""
DBT = str(Path(sys.executable).parent / "dbt")
RUN = "cli/shop"


@dataclass(kw_only=True)
class Shop:
    """A copy of the project; each dbt process has a database of its own, in memory.

    ``breaking``: what is to go wrong: model, test, warn, hook or compile.
    """

    folder: Path
    breaking: str | None = None
    gate: Path | None = None
    lines: list[str] = field(default_factory=list)
    _held: TextIO | None = None

    @classmethod
    def copy(cls, folder: Path, *, breaking: str | None = None, gated: bool = False, project: Path = PROJECT) -> Shop:
        """``gated``: the model ``slow`` runs until ``reach_gate`` and ``open_gate``."""
        shutil.copytree(project, folder, ignore=shutil.ignore_patterns("target", "logs", ".user.yml"))
        (folder / "target").mkdir()
        shutil.copy(parsed(project), folder / "target")
        gate = folder / "gate" if gated else None
        if gate is not None:
            os.mkfifo(gate)
        return cls(folder=folder, breaking=breaking, gate=gate)

    def reach_gate(self) -> None:
        """Waits until ``slow`` stands at the gate."""
        assert self.gate is not None
        self._held = self.gate.open("w")

    def open_gate(self) -> None:
        """Lets ``slow`` come to its end."""
        assert self._held is not None
        self._held.close()

    @property
    def env(self) -> dict[str, str]:
        named = {
            "SHOP_GATE": self.gate,
            "SHOP_BREAK": self.breaking,
            "NAMES_DATABASE": self.folder / "names.duckdb",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        return {**os.environ, **{name: str(value) for name, value in named.items() if value is not None}}

    def command(self, *args: str, log: EventLog, **options: Any) -> DbtCommand:
        """The command, as the producer runs it on this copy."""
        return DbtCommand(
            **{
                "args": args,
                "project_dir": self.folder,
                "profiles_dir": self.folder,
                "run_key": RUN,
                "log": log,
                "env": self.env,
                "on_output": self.lines.append,
                **options,
            }
        )

    @property
    def run_results(self) -> dict[str, str]:
        """What dbt's own artifact says: status by unique id."""
        content = json.loads((self.folder / "target" / "run_results.json").read_text())
        return {result["unique_id"]: result["status"] for result in content["results"]}


def latest_attempt(events: list[Event]) -> AttemptState:
    """What one run's events say of its latest attempt."""
    state = RunState(run=events[0].run)
    for event in events:
        state.apply(event)
    assert state.latest is not None
    return state.latest


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended."""

    shop: Shop
    result: CommandResult
    events: list[Event]

    @property
    def state(self) -> AttemptState:
        return latest_attempt(self.events)

    @property
    def kinds(self) -> list[str]:
        return [event.type.removeprefix("dev.heliograph.").removesuffix(".v1") for event in self.events]

    @property
    def plan(self) -> RunPlannedData:
        return next(event.data for event in self.events if isinstance(event, RunPlanned))

    @property
    def finished(self) -> RunFinishedData:
        assert self.state.finished is not None
        return self.state.finished.data

    @property
    def aborted(self) -> RunAbortedData:
        assert self.state.aborted is not None
        return self.state.aborted.data

    def ends(self, unique_id: str) -> list[NodeFinishedData]:
        return [event.data for event in self.events if isinstance(event, NodeFinished) and event.subject == unique_id]

    def end(self, unique_id: str) -> NodeFinishedData:
        (data,) = self.ends(unique_id)
        return data

    def starts(self) -> set[str]:
        return {event.subject for event in self.events if isinstance(event, NodeStarted)}


def run_shop(folder: Path, *args: str, breaking: str | None = None, **options: Any) -> Ran:
    """Runs one command on a fresh copy, to its end."""
    shop, log = Shop.copy(folder, breaking=breaking), WatchedLog()
    result = shop.command(*args, log=log, **options).run()
    return Ran(shop=shop, result=result, events=log.events)


@cache
def parsed(project: Path) -> Path:
    """What dbt remembers of a parsed project, so that each run need not parse it anew."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-shop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(project, folder, dirs_exist_ok=True)
    subprocess.run(
        [DBT, "--quiet", "parse", "--project-dir", folder, "--profiles-dir", folder],
        env={**os.environ, "NAMES_DATABASE": ":memory:", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=True,
    )
    return folder / "target" / "partial_parse.msgpack"
