"""What a source of dbt records offers, and the records."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from heliograph.producer.dbt_args import DbtArgs, parse_args
from heliograph.producer.project import own_target

Json = Mapping[str, Any]
"""A JSON object as dbt wrote it; ``translate`` and ``plan`` are the only ones to look inside."""

OnOutput = Callable[[str], None]
"""Takes one readable line of dbt's log, without its line end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One dbt command to run.

    ``env`` is dbt's whole environment; None passes the producer's own.
    ``target_dir`` takes what dbt writes, its log too, unless ``args`` name other folders; None leaves dbt its own.
    ``only``: unique ids; of what the command selects, exactly these are run. ``scratch_dir`` is then a folder that
    lasts until dbt's end.
    """

    args: tuple[str, ...]
    project_dir: Path
    profiles_dir: Path | None = None
    profile: str | None = None
    target: str | None = None
    env: Mapping[str, str] | None = None
    install_deps: bool = False
    target_dir: Path | None = None
    only: frozenset[str] | None = None
    scratch_dir: Path = Path()

    @property
    def words(self) -> list[str]:
        """The command line with the options the configuration adds."""
        words = [*self.args, "--project-dir", str(self.project_dir)]
        for name, value in (
            ("--profiles-dir", self.profiles_dir),
            ("--profile", self.profile),
            ("--target", self.target),
        ):
            if value is not None:
                words += [name, str(value)]
        if self.target_dir is not None:
            given = parse_args(self.args)
            for name, folder in (("--target-path", self.target_dir), ("--log-path", self.target_dir / "logs")):
                words += [] if given.has(name) else [name, str(folder)]
        return words

    @property
    def target_path(self) -> Path:
        """The folder in which dbt writes its artefacts."""
        named = self.parsed.value("--target-path")
        return self.project_dir / named if named is not None else own_target(self.project_dir, self.environment)

    def seen_from_project(self, path: str | None) -> str | None:
        """A path as seen from the project's folder, where it lies inside."""
        if path is None or not Path(path).is_relative_to(self.project_dir):
            return path
        return str(Path(path).relative_to(self.project_dir))

    @property
    def parsed(self) -> DbtArgs:
        return parse_args(self.words)

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.env if self.env is not None else os.environ)

    @property
    def needs_deps(self) -> bool:
        """The project names packages and the caller wants them installed."""
        return self.install_deps and any(
            (self.project_dir / name).is_file() for name in ("packages.yml", "dependencies.yml")
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedNode:
    """A resource that dbt's selection holds, whether or not the command runs it.

    ``checked``: a source whose freshness is checked.
    """

    unique_id: str
    resource_type: str
    name: str
    depends_on: tuple[str, ...] = ()
    materialized: str | None = None
    empty: bool = False
    checked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """What the command selects. Comes before any node's record."""

    nodes: Sequence[SelectedNode]


@dataclass(frozen=True, kw_only=True, slots=True)
class DbtEvent:
    """One of dbt's structured events, in the shape of its JSON log.

    ``compiled_sql`` and ``compiled_path`` are added by the source where a node ended and they are known, and so is
    ``defined_in``, the project's file that defines the node.
    """

    name: str
    info: Json = field(default_factory=dict)
    data: Json = field(default_factory=dict)
    compiled_sql: str | None = None
    compiled_path: str | None = None
    defined_in: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DbtEnded:
    """dbt's end. The last record, always given.

    ``exit_code``: dbt's own, None where a signal ended the process (``signal``).
    ``results``: the entries of dbt's final result, in the shape of ``run_results.json``; None where dbt gave none.
    ``run_results``: the whole ``run_results.json`` that this command wrote, if it wrote one.
    ``message``: the exception that ended dbt, where one did.
    ``interrupted``: dbt stopped because it was told to.
    """

    exit_code: int | None
    signal: int | None = None
    results: Sequence[Json] | None = None
    run_results: Json | None = None
    message: str | None = None
    interrupted: bool = False


DbtRecord = Selected | DbtEvent | DbtEnded

TOLD_EVENTS: Final = frozenset({"MainReportVersion", "NodeStart", "NodeFinished", "ArtifactWritten"})
"""The dbt events that sources hand on with all they hold."""

_SPOKEN: Final = frozenset({"info", "warn", "error"})


def is_spoken(*, level: str) -> bool:
    """Whether an event is also handed on for its words: as dbt's log for people shows it by default."""
    return level in _SPOKEN


LeaveOut = Callable[[Sequence[Json]], Collection[str]]
"""Takes the results of a freshness check, in the shape of ``sources.json``; gives the nodes not to build."""


class DbtSource(Protocol):
    """One run of dbt as records. ``signal`` may be called from any thread, at any time."""

    def records(self, *, leave_out: LeaveOut | None = None) -> Iterator[DbtRecord]:
        """Starts dbt and gives its records until it has ended; the last one is ``DbtEnded``.

        With ``leave_out`` the freshness of the sources that the selection reads is checked first; it is called once
        all records of the check were taken. A check without results ends dbt's work.
        """
        ...

    @property
    def guard_pid(self) -> int | None:
        """The process below which dbt and all it started run; None before the start."""
        ...

    def signal(self, signum: int) -> None:
        """Sends the signal to dbt and all it started; before the start, prevents it."""
        ...
