"""dbt's records -> the events of one attempt, up to its last."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from heliograph.bus.payloads import (
    MemoryPeak,
    NodeFinishedData,
    Outcome,
    RunAbortedData,
    RunFinishedData,
    RunHeartbeatData,
)
from heliograph.producer.dbt_args import SOURCE_FRESHNESS, DbtArgs
from heliograph.producer.freshness_report import DecideStale, left_out, left_out_end
from heliograph.producer.ledger import NodeLedger
from heliograph.producer.node_lines import NodeLines
from heliograph.producer.numbering import EventNumbers
from heliograph.producer.plan import run_plan
from heliograph.producer.reconcile import reconcile
from heliograph.producer.source_checks import SourceChecks
from heliograph.producer.sources.port import DbtEnded, DbtEvent, Json, Selected, SelectedNode
from heliograph.producer.translate import clean, node_finished, node_result, node_started, unique_id_of

_FAILED_BY_ITSELF = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """How the command ended: dbt's exit code, and why, where there is something to say."""

    exit_code: int
    message: str | None


class RunReport:
    """Tells one attempt's events in the order in which dbt's records come in.

    ``stopping`` says whether dbt was told to stop: a node that fails from then on was cancelled.
    ``resuming``: only some nodes of the selection were asked for.
    ``memory_peak`` gives the highest figure so far. ``decide_stale``: see ``leave_out``.
    """

    def __init__(
        self,
        numbers: EventNumbers,
        *,
        args: DbtArgs,
        stopping: Callable[[], bool] = lambda: False,
        resuming: bool = False,
        memory_peak: Callable[[], MemoryPeak | None] = lambda: None,
        decide_stale: DecideStale | None = None,
    ) -> None:
        self.ledger = NodeLedger()
        self._lines = NodeLines()
        self._resuming = resuming
        self._numbers = numbers
        self._args = args
        self._stopping = stopping
        self._memory_peak = memory_peak
        self._decide_stale = decide_stale
        self._checks = SourceChecks()
        self._selected: Sequence[SelectedNode] | None = None
        self._planned = False

    @property
    def command(self) -> str:
        """The sub-command of dbt that is reported."""
        return self._args.command

    def take(self, record: Selected | DbtEvent) -> None:
        """Tells what the record means."""
        if isinstance(record, Selected):
            self._selected = record.nodes
            return
        if record.name == "MainReportVersion":
            self._plan(record)
        elif record.name == "NodeStart":
            self._node_started(record)
        elif record.name == "NodeFinished":
            self._node_finished(record)
        self._lines.add(record, ended=self.ledger.ends)

    def beat(self, *, spooled: int, rss_bytes: int | None = None) -> None:
        """Tells that the producer lives."""
        self._numbers.tell(RunHeartbeatData(spooled=spooled, running=self.ledger.running, rss_bytes=rss_bytes))

    def leave_out(self, results: Sequence[Json]) -> Collection[str]:
        """Takes the sources' freshness in and tells which nodes are skipped for it; gives these nodes.

        Raises:
            StaleDecisionFailed: the user's own decision failed.
        """
        self._tell_checks(results)
        chosen = left_out(self.ledger.freshness_report, self._decide_stale)
        for unique_id, stale in chosen.items():
            planned = self.ledger.planned.get(unique_id)
            if planned is not None:
                self._end(unique_id, left_out_end(planned, stale))
        return chosen.keys()

    def conclude(self, ended: DbtEnded, *, elapsed_s: float, stopped_because: str | None) -> Conclusion:
        """Tells what is still missing and the attempt's end."""
        if _aborted(ended, stopped_because):
            return self.abort(stopped_because or _cause_of_death(ended), exit_code=ended.exit_code)
        if ended.exit_code == 0:
            self._plan(None)  # where nothing was left to run, dbt was not even started
        self._tell_checks(ended.results or ())
        results = self._final(ended.results or ())
        told = clean(ended.message)
        for unique_id, data in reconcile(
            planned=self.ledger.planned,
            started=self.ledger.started,
            published=self.ledger.outcomes,
            results=results,
            message=told,
        ):
            self._end(unique_id, data)
        code = ended.exit_code if ended.exit_code in (0, 1) else _FAILED_BY_ITSELF
        message = told or self._nothing_selected(results)
        counts = self.ledger.counts()
        self._numbers.tell_last(
            lambda last: RunFinishedData(
                exit_code=code,
                last_sequence=last,
                counts=counts,
                elapsed_s=elapsed_s,
                message=message,
                memory_peak=self._memory_peak(),
            )
        )
        return Conclusion(exit_code=code, message=message)

    def abort(self, reason: str, *, exit_code: int | None) -> Conclusion:
        """Tells that the attempt was broken off; nodes without an end get none."""
        self._tell_checks(())
        self._numbers.tell_last(
            lambda last: RunAbortedData(
                reason=reason, last_sequence=last, exit_code=exit_code, memory_peak=self._memory_peak()
            )
        )
        return Conclusion(exit_code=exit_code if exit_code in (0, 1) else _FAILED_BY_ITSELF, message=reason)

    def _plan(self, version: DbtEvent | None) -> None:
        if self._planned or self._selected is None:
            return
        self._planned = True
        plan = run_plan(
            self._selected,
            command=self._args.command,
            dbt_version=str(version.data.get("version", "")).lstrip("=") or None if version is not None else None,
            # Of two commands, neither is the one that reports all these nodes.
            invocation_id=version.info.get("invocation_id") if version is not None and not self._checks_first else None,
        )
        self.ledger.plan(plan.nodes, edges={node.unique_id: node.depends_on for node in self._selected})
        self._numbers.tell(plan)

    @property
    def _checks_first(self) -> bool:
        return self.command != SOURCE_FRESHNESS and any(node.checked for node in self._selected or ())

    def _node_started(self, event: DbtEvent) -> None:
        unique_id = unique_id_of(event)
        if unique_id is None:
            return
        self._lines.begin(unique_id, event)
        if self.ledger.begin(unique_id) and not _is_ephemeral(event):
            self._numbers.tell(node_started(event), subject=unique_id)

    def _node_finished(self, event: DbtEvent) -> None:
        unique_id = unique_id_of(event)
        self._lines.leave(event)
        if unique_id is None or not self.ledger.leave(unique_id):
            return
        data = node_finished(event)
        if data.outcome is Outcome.SKIPPED:
            data = data.model_copy(update={"caused_by": self.ledger.causes.of(unique_id)})
        elif data.outcome is Outcome.ERROR and self._stopping():
            data = data.model_copy(update={"outcome": Outcome.CANCELLED, "test_outcome": None})
        if _is_ephemeral(event):
            # Part of other models' SQL: dbt has no result for it, but its failure explains theirs.
            self.ledger.note_cause(unique_id, data)
        elif data.resource_type == "source":
            self._checks.hold(unique_id, data)
        else:
            self._end(unique_id, data, defined_in=event.defined_in)

    def _tell_checks(self, results: Sequence[Json]) -> None:
        for unique_id, data in self._checks.told(results):
            self._end(unique_id, data)

    def _end(self, unique_id: str, data: NodeFinishedData, *, defined_in: str | None = None) -> None:
        told = self.ledger.ends.get(unique_id)
        lines = self._lines.take(unique_id, data, defined_in=defined_in) if told is None else told.lines
        data = data.model_copy(update={"lines": lines})
        self.ledger.end(unique_id, data)
        self._numbers.tell(data, subject=unique_id)

    def _final(self, results: Sequence[Json]) -> dict[str, NodeFinishedData]:
        failed_hooks = tuple(
            result["unique_id"]
            for result in results
            if result["unique_id"].startswith("operation.") and result.get("status") == "error"
        )
        final = {}
        for result in results:
            unique_id = result["unique_id"]
            planned = self.ledger.planned.get(unique_id)
            final[unique_id] = node_result(
                result,
                name=planned.name if planned else unique_id.rsplit(".", 1)[-1],
                resource_type=planned.resource_type if planned else unique_id.split(".", 1)[0],
                caused_by=failed_hooks,
            )
        return final

    def _nothing_selected(self, results: dict[str, NodeFinishedData]) -> str | None:
        if self.ledger.planned or results or not self._planned:
            return None
        problem = "No node to run again is in the selection" if self._resuming else "The selection matched nothing"
        return f"{problem}: dbt {self._args.command} {self._args.selection}".rstrip()


def _is_ephemeral(event: DbtEvent) -> bool:
    node = event.data.get("node_info", {})
    return bool(node.get("resource_type") == "model" and node.get("materialized") == "ephemeral")


def _aborted(ended: DbtEnded, stopped_because: str | None) -> bool:
    if ended.signal is not None or ended.interrupted or ended.exit_code is None:
        return True
    # Told to stop, but it had already come to its own end.
    return stopped_because is not None and ended.exit_code not in (0, 1)


def _cause_of_death(ended: DbtEnded) -> str:
    if ended.signal is None:
        return "dbt was interrupted"
    name = signal.Signals(ended.signal).name
    hint = "; where nobody sent it, the machine or container ran out of memory" if name == "SIGKILL" else ""
    return f"dbt was killed by {name}{hint}"
