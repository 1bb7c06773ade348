"""One dbt command, from its start to its reconciled end."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from heliograph.bus.log import EventLog
from heliograph.bus.payloads import MemoryPeak, Outcome, RunStartedData
from heliograph.producer.dbt_args import SOURCE_FRESHNESS
from heliograph.producer.errors import NoDbt, ProducerError
from heliograph.producer.freshness_report import DecideStale
from heliograph.producer.heartbeat import Heartbeat
from heliograph.producer.memory import MemorySampler
from heliograph.producer.numbering import EventNumbers
from heliograph.producer.outbox import Outbox
from heliograph.producer.private_target import parsed_project_shared
from heliograph.producer.project import project_name
from heliograph.producer.report import RunReport
from heliograph.producer.sources.callbacks import CallbackSource, dbt_is_importable
from heliograph.producer.sources.json_lines import JsonLinesSource
from heliograph.producer.sources.port import DbtEnded, DbtSource, Invocation, OnOutput
from heliograph.producer.stopping import Stopping

_log = logging.getLogger(__name__)

FIRST_ANSWER_S: Final = 5.0
"""Seconds that dbt's start waits for a log that neither takes the first event nor says why not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandResult:
    """How a dbt command ended.

    ``exit_code`` is dbt's own: 0, 1 or 2; 2 also where dbt was interrupted or killed.
    ``outcomes`` holds every node that ended, by unique id; ``message`` says why dbt ended early, where it did.
    ``run_results`` is dbt's own ``run_results.json`` of this command, None where dbt wrote none.
    ``undelivered`` counts events that the log had not taken when the drain limit ended.
    ``memory_peak``: the most resident memory that dbt and all it started were seen to use, and what ran then.
    """

    exit_code: int
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    message: str | None = None
    elapsed_s: float = 0.0
    run_results: Mapping[str, Any] | None = None
    undelivered: int = 0
    memory_peak: MemoryPeak | None = None


@dataclass(kw_only=True)
class DbtCommand:
    """Runs one dbt command and publishes its events.

    Events, in this order: ``run.started`` before dbt starts; ``run.planned`` once dbt has selected, before any node;
    each node's start and end; heartbeats all along; the ends that dbt never announced; ``run.finished``, or
    ``run.aborted`` where dbt was stopped or died.

    The event log never slows dbt and never fails it: events wait in memory while the log is away, and after dbt's end
    for at most ``drain_limit_s`` more. Only a log that refuses the very first event for good keeps dbt from starting.

    Args:
        args: dbt's words, e.g. ``("build", "--select", "orders+")``: build, run, test, seed or snapshot.
        project_dir: the folder of ``dbt_project.yml``; profiles_dir, profile, target: as dbt's own options.
        run_key: the logical run's key; attempt: counts from 1.
        log: where the events go; closed by the caller.
        env: dbt's whole environment; None for this process's own.
        dbt_executable: another dbt to run, path or name on PATH. None takes this Python's dbt, else ``dbt`` on PATH.
        install_deps: run ``dbt deps`` before, where the project names packages.
        heartbeat_s, lease_s: how often the producer tells that it lives; after what silence it is taken for dead.
        drain_limit_s: seconds to wait after dbt's end until the log has taken every event.
        stop_grace_s: seconds between the signals of ``stop``: SIGINT, SIGTERM, SIGKILL.
        only: unique ids of nodes and tests: of what ``args`` select, exactly these are planned and run, with all of
            ``args`` but the options that select. None runs the whole selection; where none of them is in it, no dbt
            node runs and the result's ``message`` says so.
        fresh, answers, started_by: told in ``run.started``; see ``RunStartedData``.
        target_dir: where dbt writes artefacts, compiled files and logs, for runs of one project at the same time;
            ``--target-path`` and ``--log-path`` in ``args`` win. What dbt remembers of the parsed project is copied in
            from the project's own target folder and back. None leaves dbt its own folders.
        check_freshness: check the sources that the selection reads first, with ``dbt source freshness``, and leave out
            what depends on stale ones alone (``staleness.stale_nodes``). No effect on ``source freshness`` itself.
            A source among ``only`` is a retry of its check, and switches this on.
        decide_stale: decides otherwise: gets the report, returns the unique ids of the nodes to leave out.
        memory_sample_s: seconds between two looks at the memory of dbt and all it started; None does not look.
        on_output: takes the lines of dbt's readable log; None leaves them to this process's output.
    """

    args: Sequence[str]
    project_dir: Path
    run_key: str
    log: EventLog
    attempt: int = 1
    profiles_dir: Path | None = None
    profile: str | None = None
    target: str | None = None
    env: Mapping[str, str] | None = None
    dbt_executable: str | Path | None = None
    install_deps: bool = False
    heartbeat_s: float = 5.0
    lease_s: float = 25.0
    drain_limit_s: float = 60.0
    stop_grace_s: float = 15.0
    only: Collection[str] | None = None
    fresh: bool = False
    answers: Sequence[str] = ()
    started_by: str | None = None
    target_dir: Path | None = None
    check_freshness: bool = False
    decide_stale: DecideStale | None = None
    memory_sample_s: float | None = 0.5
    on_output: OnOutput | None = None

    def __post_init__(self) -> None:
        self._stopping = Stopping(self._signal, grace_s=self.stop_grace_s)
        self._source: DbtSource | None = None

    def stop(self, reason: str) -> None:
        """Ends dbt: it cancels its running queries, ``run.aborted`` is published, ``run`` returns.

        Safe in any thread and in a signal handler. Calling it again brings the next, harder signal at once.
        """
        self._stopping.request(reason)

    def run(self) -> CommandResult:
        """Runs the command to its reconciled end. Once per object.

        Raises:
            ProducerError: there is no dbt project, no dbt, the command runs no nodes, or ``decide_stale`` failed: then
                the attempt has begun, and ``run.aborted`` tells so too.
            BusRefused, BusMissing: the log will never take events; dbt was not started.
        """
        with tempfile.TemporaryDirectory(prefix="heliograph-") as scratch:
            invocation = self._invocation(Path(scratch))
            with parsed_project_shared(invocation):
                return self._run(invocation)

    def _run(self, invocation: Invocation) -> CommandResult:
        project = project_name(invocation.project_dir)
        args = invocation.parsed
        target = args.value("-t", "--target")
        source = self._source = self._open_source(invocation)
        begun = time.monotonic()
        outbox = Outbox(self.log)
        numbers = EventNumbers(
            run=self.run_key,
            attempt=self.attempt,
            source=f"/dbt/{project}/{target or 'default'}",
            put=outbox.put,
        )
        memory = MemorySampler(
            lambda: source.guard_pid, running=lambda: report.ledger.running, interval_s=self.memory_sample_s
        )
        report = RunReport(
            numbers,
            args=args,
            stopping=lambda: self._stopping.reason is not None,
            memory_peak=lambda: memory.peak,
            decide_stale=self.decide_stale,
            resuming=self.only is not None,
        )
        numbers.tell(self._started(project, target=target))
        try:
            outbox.check(FIRST_ANSWER_S)
            beat = Heartbeat(
                lambda: report.beat(spooled=outbox.depth, rss_bytes=memory.rss_bytes), interval_s=self.heartbeat_s
            )
            with self._stopping, memory, beat:
                ended = self._follow(source, report)
                conclusion = report.conclude(
                    ended, elapsed_s=time.monotonic() - begun, stopped_because=self._stopping.reason
                )
        except BaseException as error:
            report.abort(_reason(error), exit_code=None)
            outbox.close(self.stop_grace_s)
            raise
        undelivered = outbox.close(self.drain_limit_s)
        if undelivered is not None:
            _log.error("%s", undelivered)
        return CommandResult(
            exit_code=conclusion.exit_code,
            outcomes=report.ledger.outcomes,
            counts=report.ledger.counts(),
            message=conclusion.message,
            elapsed_s=time.monotonic() - begun,
            run_results=ended.run_results,
            undelivered=undelivered.undelivered if undelivered is not None else 0,
            memory_peak=memory.peak,
        )

    def _invocation(self, scratch_dir: Path) -> Invocation:
        return Invocation(
            args=tuple(self.args),
            project_dir=self.project_dir.absolute(),
            profiles_dir=self.profiles_dir.absolute() if self.profiles_dir is not None else None,
            profile=self.profile,
            target=self.target,
            env=self.env,
            install_deps=self.install_deps,
            target_dir=self.target_dir.absolute() if self.target_dir is not None else None,
            only=frozenset(self.only) if self.only is not None else None,
            scratch_dir=scratch_dir,
        )

    def _follow(self, source: DbtSource, report: RunReport) -> DbtEnded:
        ended = DbtEnded(exit_code=None)
        asked = any(unique_id.startswith("source.") for unique_id in self.only or ())
        checks = (self.check_freshness or asked) and report.command != SOURCE_FRESHNESS
        for record in source.records(leave_out=report.leave_out if checks else None):
            if isinstance(record, DbtEnded):
                ended = record
            else:
                report.take(record)
        return ended

    def _signal(self, signum: int) -> None:
        if self._source is not None:
            self._source.signal(signum)

    def _open_source(self, invocation: Invocation) -> DbtSource:
        if self.dbt_executable is None and dbt_is_importable():
            return CallbackSource(invocation, on_output=self.on_output)
        wanted = str(self.dbt_executable or "dbt")
        found = shutil.which(wanted, path=invocation.environment.get("PATH"))
        if found is None:
            raise NoDbt(
                f"There is no executable {wanted}"
                + ("" if self.dbt_executable is not None else ", and this Python has no dbt"),
                setting="--dbt-executable (dbt_executable)",
                fix="name the dbt executable by its path, or install dbt-core beside heliograph",
            )
        return JsonLinesSource(invocation, executable=found, on_output=self.on_output)

    def _started(self, project: str, *, target: str | None) -> RunStartedData:
        return RunStartedData(
            project=project,
            target=target,
            command=tuple(self.args),
            dbt_version=_version("dbt-core") if self.dbt_executable is None else None,
            producer_version=_version("heliograph"),
            producer_host=platform.node() or None,
            producer_pid=os.getpid(),
            lease_s=self.lease_s,
            fresh=self.fresh,
            answers=tuple(self.answers),
            started_by=self.started_by,
        )


def _reason(error: BaseException) -> str:
    """Why the attempt was broken off, as its last event tells."""
    if isinstance(error, ProducerError):
        return str(error)
    return f"the producer was interrupted: {type(error).__name__}"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
