"""Another dbt executable, read through its JSON log (dbt 1.8 to 1.12)."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from heliograph.producer.dbt_options import CONSOLE
from heliograph.producer.sources.compiled_files import KEYS, CompiledFiles
from heliograph.producer.sources.log_lines import ConsoleLevel, LogLine, read_line
from heliograph.producer.sources.port import (
    WANTED_EVENTS,
    DbtEnded,
    DbtEvent,
    DbtRecord,
    Invocation,
    Json,
    OnOutput,
    Selected,
    SelectedNode,
)
from heliograph.producer.sources.process import GuardedProcess, ProcessSlot, to_stdout

# NodeStart and NodeFinished are debug events: on stdout only where the level says so.
# What people see is chosen here.
_JSON_CONSOLE: Final = ("--log-format", "json", "--log-level", "debug", "--no-quiet")
_FILE_AS_EVER: Final = {"--log-format-file": "debug", "--log-level-file": "debug"}
# `ls` prints its lines in spite of --quiet, and nothing else but errors.
_LIST_CONSOLE: Final = ("--log-format", "json", "--quiet")
_LIST_EVENTS: Final = frozenset({"PrintEvent", "ListCmdOut"})


class JsonLinesSource:
    """Runs ``invocation`` with ``executable`` and reads what it logs."""

    def __init__(self, invocation: Invocation, *, executable: str, on_output: OnOutput | None = None) -> None:
        self._invocation = invocation
        self._args = invocation.parsed
        self._executable = executable
        self._on_output = on_output or to_stdout
        self._console = ConsoleLevel.of(self._args)
        self._slot = ProcessSlot()
        self._compiled = CompiledFiles(invocation.project_dir, self._target_path())
        self._errors: list[str] = []
        self._invocation_id: str | None = None
        self._results_path: Path | None = None

    @property
    def guard_pid(self) -> int | None:
        return self._slot.pid

    def signal(self, signum: int) -> None:
        self._slot.signal(signum)

    def records(self) -> Iterator[DbtRecord]:
        if self._invocation.needs_deps:
            code = self._run_quietly(self._args.for_deps())
            if code != 0:
                yield self._ended(code)
                return
        nodes: list[SelectedNode] = []
        code = self._list(nodes)
        if code != 0:
            yield self._ended(code)
            return
        yield Selected(nodes=nodes)
        process = self._start(self._command())
        if process is None:
            yield self._ended(None)
            return
        with process:
            for line in process.stdout:
                event = self._take(line)
                if event is not None:
                    yield event
            code = process.wait()
        yield self._ended(code)

    def _command(self) -> list[str]:
        kept_for_file = [
            word for name, value in _FILE_AS_EVER.items() if not self._args.has(name) for word in (name, value)
        ]
        return [*_JSON_CONSOLE, *kept_for_file, *self._args.without(CONSOLE)]

    def _start(self, words: list[str]) -> GuardedProcess | None:
        return self._slot.start(
            lambda: GuardedProcess(
                [self._executable, *words],
                env=self._invocation.environment,
                on_output=self._on_output,
                read_stdout=True,
            )
        )

    def _run_quietly(self, words: list[str]) -> int | None:
        process = self._start(["--log-format", "json", *words])
        if process is None:
            return None
        with process:
            for line in process.stdout:
                self._take(line)
            return process.wait()

    def _list(self, nodes: list[SelectedNode]) -> int | None:
        process = self._start([*_LIST_CONSOLE, *self._args.for_list(), "raw_code", *KEYS])
        if process is None:
            return None
        with process:
            for line in process.stdout:
                read = read_line(line)
                if read is not None and read.name in _LIST_EVENTS:
                    listed = json.loads(read.data["msg"])
                    self._compiled.know(listed)
                    nodes.append(listed_node(listed))
                else:
                    self._take(line)
            return process.wait()

    def _take(self, line: str) -> DbtEvent | None:
        read = read_line(line)
        if read is None:
            self._on_output(line.rstrip("\r\n"))
            return None
        if self._console.shows(read):
            self._on_output(self._console.text(read, line))
        if read.level == "error":
            self._errors.append(read.message)
        self._remember(read)
        if read.name not in WANTED_EVENTS:
            return None
        if read.name != "NodeFinished":
            return DbtEvent(name=read.name, info=read.info, data=read.data)
        sql, path = self._compiled.read(read.data.get("node_info", {}).get("unique_id")) or (None, None)
        return DbtEvent(name=read.name, info=read.info, data=read.data, compiled_sql=sql, compiled_path=path)

    def _remember(self, read: LogLine) -> None:
        if read.name == "MainReportVersion":
            self._invocation_id = read.info.get("invocation_id")
        elif read.name == "ArtifactWritten" and read.data.get("artifact_type") in ("RunExecutionResult", "RunResults"):
            self._results_path = self._invocation.project_dir / str(read.data.get("artifact_path"))

    def _ended(self, code: int | None) -> DbtEnded:
        results = self._results()
        return DbtEnded(
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            results=results,
            message="\n".join(self._errors) if self._errors and (results is None or code == 2) else None,
            interrupted=code is None or code == 128 + signal.SIGINT,
        )

    def _results(self) -> list[Json] | None:
        """What ``run_results.json`` holds, if this invocation wrote it: never an older one."""
        path = self._results_path or self._target_path() / "run_results.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        written_by = content.get("metadata", {}).get("invocation_id")
        if self._invocation_id is None or written_by != self._invocation_id:
            return None
        results: list[Json] = content.get("results", [])
        return results

    def _target_path(self) -> Path:
        named = self._args.value("--target-path") or self._invocation.environment.get("DBT_TARGET_PATH")
        return self._invocation.project_dir / (named or "target")


def listed_node(listed: dict[str, Any]) -> SelectedNode:
    """One line of ``dbt ls --output json``."""
    resource_type = listed["resource_type"]
    raw_code = listed.get("raw_code")
    return SelectedNode(
        unique_id=listed["unique_id"],
        resource_type=resource_type,
        name=listed["name"],
        depends_on=tuple((listed.get("depends_on") or {}).get("nodes") or ()),
        materialized=(listed.get("config") or {}).get("materialized"),
        # A seed's code is always empty and means nothing (dbt/contracts/graph/nodes.py).
        empty=resource_type != "seed" and raw_code is not None and not raw_code.strip(),
    )
