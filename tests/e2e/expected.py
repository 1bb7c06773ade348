"""What the outcome table asks of Airflow, given what dbt wrote into its ``run_results.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from heliograph.bus.payloads import Outcome
from outcome_table import NODE_ROWS

PRODUCER = "dbt_producer_watcher"

# The tables' words of a node with a task, without the cascade that only the order brings about.
_END_OF = {row.status: row.at_once for row in NODE_ROWS if row.status is not None and row.at_once is not None}
OUTCOME_OF: Mapping[str, Outcome] = {
    row.status: row.outcome for row in NODE_ROWS if row.status is not None and row.outcome is not None
}
"""dbt's words and the contract's."""

NOT_GREEN = frozenset({Outcome.SKIPPED, Outcome.ERROR, Outcome.CANCELLED})
"""What the log may say of a planned node that dbt's result leaves out."""


class Kind(Enum):
    """What a task reports."""

    NODE = auto()
    TESTS = auto()
    NOTHING = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A task as Airflow has it, and the dbt nodes it stands for. ``upstream`` leaves the producer out."""

    task_id: str
    kind: Kind
    reports: tuple[str, ...]
    upstream: tuple[str, ...]


def rendered_tasks(tasks: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]) -> list[Rendered]:
    """The DAG's tasks, the upstream ones first, from Airflow's answer about them and dbt's manifest."""
    by_name = {
        node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] not in ("test", "operation")
    }
    upstream: dict[str, list[str]] = {task["task_id"]: [] for task in tasks}
    for task in tasks:
        for follower in task["downstream_task_ids"]:
            upstream[follower].append(task["task_id"])
    upstream.pop(PRODUCER)
    return [
        _rendered(task_id, tuple(up for up in upstream[task_id] if up != PRODUCER), by_name, manifest)
        for task_id in _in_order(upstream)
    ]


def expected_states(
    results: Mapping[str, str], tasks: Sequence[Rendered], *, in_dependency_order: bool
) -> dict[str, str]:
    """The state of each task, by the outcome table.

    Args:
        results: dbt's status by unique id, as in ``run_results.json``.
        tasks: the upstream ones first.
        in_dependency_order: whether a task starts after those upstream of it.
    """
    states: dict[str, str] = {}
    for task in tasks:
        above = {states[task_id] for task_id in task.upstream}
        held_back = in_dependency_order or task.kind is Kind.NOTHING
        if held_back and above & {"failed", "upstream_failed"}:
            states[task.task_id] = "upstream_failed"
        elif held_back and "skipped" in above:
            states[task.task_id] = "skipped"
        else:
            states[task.task_id] = _own_end(task, results)
    return states


def expected_producer_state(results: Mapping[str, str], tasks: Sequence[Rendered], *, exit_code: int) -> str:
    """The state of the task that ran dbt, on its last try: its failure is for what no other task tells of."""
    told = {unique_id for task in tasks for unique_id in task.reports}
    failed = {uid for uid, word in results.items() if OUTCOME_OF[word] in (Outcome.ERROR, Outcome.FAIL)}
    return "success" if exit_code == 0 or (exit_code == 1 and failed <= told) else "failed"


def _own_end(task: Rendered, results: Mapping[str, str]) -> str:
    ends = {_END_OF[results[unique_id]] if unique_id in results else "failed" for unique_id in task.reports}
    return "failed" if "failed" in ends else "success"


def _rendered(
    task_id: str, upstream: tuple[str, ...], by_name: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Rendered:
    name, _, verb = task_id.partition(".") if "." in task_id else task_id.rpartition("_")
    node = by_name[name]
    if verb == "test":
        every = [*manifest["nodes"].values(), *manifest["unit_tests"].values()]
        tests = [
            each["unique_id"]
            for each in every
            if each["resource_type"] in ("test", "unit_test") and node["unique_id"] in each["depends_on"]["nodes"]
        ]
        return Rendered(task_id=task_id, kind=Kind.TESTS, reports=tuple(tests), upstream=upstream)
    if node["config"]["materialized"] == "ephemeral":
        return Rendered(task_id=task_id, kind=Kind.NOTHING, reports=(), upstream=upstream)
    return Rendered(task_id=task_id, kind=Kind.NODE, reports=(node["unique_id"],), upstream=upstream)


def _in_order(upstream: Mapping[str, Sequence[str]]) -> Iterator[str]:
    done = {PRODUCER}
    while waiting := [task_id for task_id in upstream if task_id not in done]:
        for task_id in waiting:
            if done.issuperset(upstream[task_id]):
                done.add(task_id)
                yield task_id
