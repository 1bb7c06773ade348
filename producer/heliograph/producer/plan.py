"""What dbt selected -> the plan: the nodes that will be reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from heliograph.bus.payloads import PlannedNode, RunPlannedData
from heliograph.producer.sources.port import SelectedNode

# What each command runs of a selection: the tasks' node selectors and BuildTask.RUNNER_MAP in dbt/task, 1.11.
# `ls` lists more (sources, metrics, analyses ...), which no run reports.
_BUILD: Final = frozenset({"model", "snapshot", "seed", "test", "unit_test", "saved_query", "exposure", "function"})
_RUNS: Final = {
    "build": _BUILD,
    "run": frozenset({"model"}),
    "test": frozenset({"test", "unit_test"}),
    "seed": frozenset({"seed"}),
    "snapshot": frozenset({"snapshot"}),
    "source freshness": frozenset(),
}
# The first dbt in which `build` reports these types.
_SINCE: Final = {"exposure": (1, 10), "function": (1, 11)}


def run_plan(
    nodes: Iterable[SelectedNode], *, command: str, dbt_version: str | None, invocation_id: str | None
) -> RunPlannedData:
    """The nodes of the selection that ``command`` runs and reports, and the sources whose freshness is checked.

    Left out as dbt leaves them out: types the command does not run, models without any code, and ephemeral models,
    which are only part of others' SQL and have no result. Disabled nodes are never selected.
    """
    known = _version(dbt_version)
    types = {name for name in _RUNS[command] if known is None or known >= _SINCE.get(name, (0, 0))}
    run = [node for node in nodes if node.checked or (node.resource_type in types and not node.empty)]
    return RunPlannedData(
        nodes=tuple(_planned(node) for node in run if not _is_ephemeral(node)),
        inlined=tuple(_planned(node) for node in run if _is_ephemeral(node)),
        invocation_id=invocation_id,
        dbt_version=dbt_version,
    )


def _planned(node: SelectedNode) -> PlannedNode:
    return PlannedNode(
        unique_id=node.unique_id,
        resource_type=node.resource_type,
        name=node.name,
        depends_on=node.depends_on,
        materialized=node.materialized,
    )


def _is_ephemeral(node: SelectedNode) -> bool:
    return node.resource_type == "model" and node.materialized == "ephemeral"


def _version(text: str | None) -> tuple[int, int] | None:
    parts = (text or "").lstrip("=v").split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])
