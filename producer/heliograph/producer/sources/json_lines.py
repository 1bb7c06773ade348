"""Another dbt executable, read through its JSON log (dbt 1.8 to 1.12)."""

from __future__ import annotations

import json
import signal
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, Final

from heliograph.producer.dbt_args import SOURCE_FRESHNESS, DbtArgs, parse_args
from heliograph.producer.dbt_options import CONSOLE
from heliograph.producer.freshness_scope import has_criteria, with_sources
from heliograph.producer.part import Part
from heliograph.producer.sources.compiled_files import KEYS, CompiledFiles
from heliograph.producer.sources.log_lines import ConsoleLevel, LogLine, read_line
from heliograph.producer.sources.manifest_file import NO_MANIFEST, read_upstream
from heliograph.producer.sources.port import (
    TOLD_EVENTS,
    DbtEnded,
    DbtEvent,
    DbtRecord,
    Invocation,
    LeaveOut,
    OnOutput,
    Selected,
    SelectedNode,
    is_spoken,
)
from heliograph.producer.sources.process import GuardedProcess, ProcessSlot, to_stdout
from heliograph.producer.sources.results_file import SOURCES, ResultsFile

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
        self._checked = ResultsFile(invocation, SOURCES)
        self._listed_by: str | None = None

    @property
    def guard_pid(self) -> int | None:
        return self._slot.pid

    def signal(self, signum: int) -> None:
        self._slot.signal(signum)

    def records(self, *, leave_out: LeaveOut | None = None) -> Iterator[DbtRecord]:
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
        only = self._invocation.only
        if only is not None:
            nodes = [node for node in nodes if node.unique_id in only]
        if leave_out is not None:
            upstream = read_upstream(self._invocation.target_path, written_by=self._listed_by)
            if upstream is None and nodes:
                yield DbtEnded(exit_code=2, message=NO_MANIFEST)
                return
            nodes = with_sources(nodes, upstream, asked=only or ()) if upstream is not None else nodes
        yield Selected(nodes=nodes)
        folder = self._invocation.scratch_dir if only is not None else None
        part = Part(args=self._args, nodes=nodes, folder=folder, env=self._invocation.environment)
        if leave_out is not None and part.sources:
            code = yield from self._run(self._args.for_freshness(part.sources))
            checked = self._checked.read()
            if code not in (0, 1) or checked is None:
                yield self._ended(code)
                return
            self._errors.clear()  # those of stale sources; their own ends tell them
            part = part.without(leave_out(checked["results"]), folder=self._invocation.scratch_dir)
        words = part.words(self._invocation.words)
        code = 0 if words is None else (yield from self._run(words))
        yield self._ended(code)

    def _run(self, words: list[str]) -> Generator[DbtEvent, None, int | None]:
        process = self._start(self._command(parse_args(words)))
        if process is None:
            return None
        with process:
            for line in process.stdout:
                event = self._take(line)
                if event is not None:
                    yield event
            return process.wait()

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
                    self._listed_by = read.info.get("invocation_id")
                    self._compiled.know(listed)
                    nodes.append(listed_node(listed, checks=self._args.command == SOURCE_FRESHNESS))
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
        if read.level == "error" and read.name != "MainStackTrace":  # what it says stands in the error before it
            self._errors.append(read.message)
        for file in (self._results, self._checked):
            file.note(read.name, info=read.info, data=read.data)
        if read.name not in TOLD_EVENTS and not is_spoken(level=read.level):
            return None
        return self._finished(read) if read.name == "NodeFinished" else _event(read)

    def _finished(self, read: LogLine) -> DbtEvent:
        unique_id = read.data.get("node_info", {}).get("unique_id")
        sql, path = self._compiled.read(unique_id) or (None, None)
        defined_in = self._compiled.defined_in(unique_id)
        return replace(_event(read), compiled_sql=sql, compiled_path=path, defined_in=defined_in)

    def _ended(self, code: int | None) -> DbtEnded:
        run_results = self._results.read()
        artifact = self._checked.read() if self._args.command == SOURCE_FRESHNESS else run_results
        results = None if artifact is None else artifact.get("results", [])
        return DbtEnded(
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            results=results,
            run_results=run_results,
            message="\n".join(self._errors) if self._errors and (results is None or code == 2) else None,
            interrupted=code is None or code == 128 + signal.SIGINT,
        )


def _event(read: LogLine) -> DbtEvent:
    return DbtEvent(name=read.name, info=read.info, data=read.data)


def listed_node(listed: dict[str, Any], *, checks: bool = False) -> SelectedNode:
    """One line of ``dbt ls --output json``. ``checks``: the command checks the sources among them."""
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
        checked=checks and has_criteria(listed.get("freshness")),
    )
