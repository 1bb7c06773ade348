"""What events told of a run, in the shape of dbt's ``run_results.json``: for attempts that left no file behind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from heliograph.bus.payloads import Interval, NodeFinishedData, Outcome
from heliograph.bus.run_state import TEST_TYPES, AttemptState, RunState
from heliograph.producer.run_results import merge_run_results, result_entry, run_results, utc_text

# dbt has no word for a cancelled node: it reports the error that the broken query made.
_STATUS: Final = {Outcome.CANCELLED: "error"}


def results_of_state(state: RunState) -> dict[str, Any]:
    """The run as far as its events tell, over the attempts that count.

    Raises:
        ValueError: nothing is known of any attempt that counts.
    """
    numbers = sorted(number for number in state.attempts if number >= state.counting_from)
    return merge_run_results([results_of_attempt(state.attempts[number]) for number in numbers])


def results_of_attempt(attempt: AttemptState) -> dict[str, Any]:
    """One attempt as far as its events tell: the nodes that ended. Nodes without an end have no entry."""
    started = attempt.started.data if attempt.started is not None else None
    planned = attempt.planned.data if attempt.planned is not None else None
    ended = attempt.finished or attempt.aborted
    return run_results(
        (_entry(unique_id, event.data) for unique_id, event in attempt.nodes_finished.items()),
        elapsed_s=_elapsed_s(attempt),
        args={"invocation_command": " ".join(("dbt", *started.command))} if started is not None else None,
        generated_at=ended.time if ended is not None else max(_times(attempt), default=None),
        invocation_id=planned.invocation_id if planned is not None else None,
        dbt_version=planned.dbt_version if planned is not None else None,
    )


def _entry(unique_id: str, data: NodeFinishedData) -> dict[str, Any]:
    passed = data.outcome is Outcome.SUCCESS and data.resource_type in TEST_TYPES
    phases = (("compile", data.compile), ("execute", data.execute))
    return result_entry(
        unique_id,
        status="pass" if passed else _STATUS.get(data.outcome, data.outcome.value),
        timing=[_timing(name, phase) for name, phase in phases if phase is not None],
        thread_id=data.thread or "",
        execution_time=data.execution_time_s or 0.0,
        adapter_response=dict(data.adapter_response),
        message=data.message,
        failures=data.failures,
        compiled=data.compiled_sql is not None,
        compiled_code=data.compiled_sql,
        relation_name=data.relation,
    )


def _timing(name: str, phase: Interval) -> dict[str, str]:
    return {"name": name, "started_at": utc_text(phase.started_at), "completed_at": utc_text(phase.completed_at)}


def _elapsed_s(attempt: AttemptState) -> float:
    if attempt.finished is not None and attempt.finished.data.elapsed_s is not None:
        return attempt.finished.data.elapsed_s
    times = list(_times(attempt))
    return (max(times) - min(times)).total_seconds() if times else 0.0


def _times(attempt: AttemptState) -> Iterable[datetime]:
    single = (attempt.started, attempt.planned, attempt.heartbeat, attempt.aborted)
    return (event.time for event in (*single, *attempt.nodes_finished.values()) if event is not None)
