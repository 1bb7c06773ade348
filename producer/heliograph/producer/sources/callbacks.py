"""dbtRunner callbacks: dbt runs in a process of its own, in this Python, and tells of itself through a pipe."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heliograph.producer.resume import ONLY
from heliograph.producer.sources.decision_pipe import DecisionPipe
from heliograph.producer.sources.port import (
    DbtEnded,
    DbtEvent,
    DbtRecord,
    Invocation,
    Json,
    LeaveOut,
    OnOutput,
    Selected,
    SelectedNode,
)
from heliograph.producer.sources.process import GuardedProcess, ProcessSlot
from heliograph.producer.sources.results_file import ResultsFile


def dbt_is_importable() -> bool:
    """Whether this Python has dbt; finding out does not import it."""
    return importlib.util.find_spec("dbt") is not None and importlib.util.find_spec("dbt.cli") is not None


class CallbackSource:
    """Runs ``invocation`` through ``dbt_process``."""

    def __init__(self, invocation: Invocation, *, on_output: OnOutput | None = None) -> None:
        self._invocation = invocation
        self._on_output = on_output
        self._slot = ProcessSlot()
        self._results = ResultsFile(invocation)

    @property
    def guard_pid(self) -> int | None:
        return self._slot.pid

    def signal(self, signum: int) -> None:
        self._slot.signal(signum)

    def records(self, *, leave_out: LeaveOut | None = None) -> Iterator[DbtRecord]:
        with DecisionPipe(leave_out) as decision:
            yield from self._records(decision)

    def _records(self, decision: DecisionPipe) -> Iterator[DbtRecord]:
        reading, writing = os.pipe()
        # -P: a project folder named like a Python package must not hide it.
        command = [sys.executable, "-P", "-m", "heliograph.producer.dbt_process", str(writing), *self._options()]
        command += decision.options(self._invocation.scratch_dir)
        try:
            process = self._slot.start(
                lambda: GuardedProcess(
                    [*command, *self._invocation.words],
                    env=self._invocation.environment,
                    on_output=self._on_output,
                    pass_fds=(writing, *decision.pass_fds),
                )
            )
        finally:
            os.close(writing)
            decision.started()
        with os.fdopen(reading, "rb") as pipe:
            if process is None:
                yield DbtEnded(exit_code=None, interrupted=True)
                return
            last: DbtEnded | None = None
            with process:
                for line in pipe:
                    if not line.endswith(b"\n"):
                        break  # dbt was killed while it wrote
                    record = read_record(json.loads(line))
                    if isinstance(record, DbtEnded):
                        last = record
                    elif isinstance(record, FreshnessResults):
                        decision.answer(record.results)
                    else:
                        yield self._noted(record)
                code = process.wait()
        yield replace(last or _without_last_word(code), run_results=self._results.read())

    def _options(self) -> list[str]:
        deps = ["--deps"] if self._invocation.needs_deps else []
        if self._invocation.only is None:
            return deps
        wanted = json.dumps(sorted(self._invocation.only))
        (self._invocation.scratch_dir / ONLY).write_text(wanted, encoding="utf-8")
        return [*deps, "--only", str(self._invocation.scratch_dir)]

    def _noted(self, record: Selected | DbtEvent) -> Selected | DbtEvent:
        if isinstance(record, Selected):
            return record
        self._results.note(record.name, info=record.info, data=record.data)
        path = self._invocation.seen_from_project(record.compiled_path)
        return record if path == record.compiled_path else replace(record, compiled_path=path)


def _without_last_word(code: int) -> DbtEnded:
    if code < 0:
        return DbtEnded(exit_code=None, signal=-code)
    return DbtEnded(exit_code=2, message=f"dbt's process ended without a result, with exit code {code}")


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshnessResults:
    """What the freshness check found; dbt's process waits for the answer."""

    results: Sequence[Json]


def read_record(record: dict[str, Any]) -> DbtRecord | FreshnessResults:
    """One line of the pipe."""
    if record["record"] == "freshness":
        return FreshnessResults(results=record["results"])
    if record["record"] == "selected":
        return Selected(
            nodes=[SelectedNode(**{**node, "depends_on": tuple(node["depends_on"])}) for node in record["nodes"]]
        )
    fields = {key: value for key, value in record.items() if key != "record"}
    return DbtEnded(**fields) if record["record"] == "ended" else DbtEvent(**fields)
