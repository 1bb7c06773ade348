"""Another dbt executable, read through its JSON log (dbt 1.8 to 1.12)."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from heliograph.producer.dbt_args import DbtArgs, parse_args
from heliograph.producer.dbt_options import CONSOLE
from heliograph.producer.resume import only_these
from heliograph.producer.sources.compiled_files import KEYS, CompiledFiles
from heliograph.producer.sources.log_lines import ConsoleLevel, LogLine, read_line
from heliograph.producer.sources.port import (
    TOLD_EVENTS,
    DbtEnded,
    DbtEvent,
    DbtRecord,
    Invocation,
    OnOutput,
    Selected,
    SelectedNode,
    is_spoken,
)
from heliograph.producer.sources.process import GuardedProcess, ProcessSlot, to_stdout
from heliograph.producer.sources.results_file import ResultsFile

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
        self._compiled = CompiledFiles(invocation.project_dir, invocation.target_path)
        self._errors: list[str] = []
        self._results = ResultsFile(invocation)

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
        args, only = self._args, self._invocation.only
        if only is not None:
            nodes = [node for node in nodes if node.unique_id in only]
        yield Selected(nodes=nodes)
        if only is not None:
            if not nodes:
                yield self._ended(0)
                return
            args = self._narrowed(nodes)
        process = self._start(self._command(args))
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

    def _narrowed(self, nodes: list[SelectedNode]) -> DbtArgs:
        unique_ids = (node.unique_id for node in nodes)
        folder, env = self._invocation.scratch_dir, self._invocation.environment
        return parse_args(only_these(self._args, unique_ids, folder=folder, env=env))

    def _command(self, args: DbtArgs) -> list[str]:
        kept_for_file = [
            word for name, value in _FILE_AS_EVER.items() if not self._args.has(name) for word in (name, value)
        ]
        return [*_JSON_CONSOLE, *kept_for_file, *args.without(CONSOLE)]

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
        self._results.note(read.name, info=read.info, data=read.data)
        if read.name not in TOLD_EVENTS and not is_spoken(level=read.level):
            return None
        return self._finished(read) if read.name == "NodeFinished" else _event(read)

    def _finished(self, read: LogLine) -> DbtEvent:
        unique_id = read.data.get("node_info", {}).get("unique_id")
        sql, path = self._compiled.read(unique_id) or (None, None)
        defined_in = self._compiled.defined_in(unique_id)
        return replace(_event(read), compiled_sql=sql, compiled_path=path, defined_in=defined_in)

    def _ended(self, code: int | None) -> DbtEnded:
        artifact = self._results.read()
        results = None if artifact is None else artifact.get("results", [])
        return DbtEnded(
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            results=results,
            run_results=artifact,
            message="\n".join(self._errors) if self._errors and (results is None or code == 2) else None,
            interrupted=code is None or code == 128 + signal.SIGINT,
        )


def _event(read: LogLine) -> DbtEvent:
    return DbtEvent(name=read.name, info=read.info, data=read.data)


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
