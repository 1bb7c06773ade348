"""How the tasks of a real run must end: from dbt's own words alone, by rules that a person can check.

``dbt ls`` says which nodes there are, ``run_results.json`` and ``sources.json`` how they ended. The code under test has
no part in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

SUCCESS, FAILED, SKIPPED = "success", "failed", "skipped"

END_OF_STATUS: Final = {
    "success": SUCCESS,
    "pass": SUCCESS,
    "warn": SUCCESS,
    "no-op": SUCCESS,
    "error": FAILED,
    "runtime error": FAILED,
    "fail": FAILED,
    "partial success": FAILED,
    # Always because something failed: a skip for a stale source never reaches dbt.
    "skipped": FAILED,
}
TEST_TYPES: Final = ("test", "unit_test")
NEVER_RUN: Final = ("source", "metric", "semantic_model", "group", "analysis")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A node as ``dbt ls`` prints it."""

    unique_id: str
    resource_type: str
    parents: tuple[str, ...]
    ephemeral: bool

    @classmethod
    def of(cls, line: str) -> Listed:
        found = json.loads(line)
        return cls(
            unique_id=found["unique_id"],
            resource_type=found["resource_type"],
            parents=tuple(dict.fromkeys((found.get("depends_on") or {}).get("nodes", []))),
            ephemeral=(found.get("config") or {}).get("materialized") == "ephemeral",
        )


def expected_ends(
    listed: Iterable[Listed], *, results: Mapping[str, str], sources: Mapping[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """dbt's words, the end of each node's own task, and the end of each node's test task, by unique id.

    What dbt lists and gives no result of did not run: that fails, or is skipped where a source upstream is not fresh.
    A test task fails with one of its tests, else it is skipped with one of them, else it is a success.

    Args:
        results: statuses of ``run_results.json``; empty where dbt wrote none.
        sources: statuses of ``sources.json``, where freshness was checked.
    """
    nodes = {node.unique_id: node for node in listed}
    stale = _behind({source for source, status in (sources or {}).items() if status != "pass"}, nodes)
    told = {**results, **(sources or {})}
    ends = {
        node.unique_id: END_OF_STATUS[told[node.unique_id]]
        if node.unique_id in told
        else (SKIPPED if node.unique_id in stale else FAILED)
        for node in nodes.values()
        if not node.ephemeral and (node.resource_type not in NEVER_RUN or node.unique_id in told)
    }
    tests: dict[str, list[str]] = {}
    for node in nodes.values():
        for parent in node.parents if node.resource_type in TEST_TYPES else ():
            tests.setdefault(parent, []).append(ends[node.unique_id])
    return {
        "dbt": dict(sorted(told.items())),
        "nodes": {
            unique_id: end
            for unique_id, end in sorted(ends.items())
            if nodes[unique_id].resource_type not in TEST_TYPES
        },
        "tests": {parent: _of_all(found) for parent, found in sorted(tests.items()) if parent in nodes},
    }


def statuses(artefact: Any) -> dict[str, str]:
    """Status by unique id, of either artefact; hooks have no task."""
    found = {result["unique_id"]: result["status"] for result in artefact["results"]}
    return {unique_id: status for unique_id, status in found.items() if not unique_id.startswith("operation.")}


def _of_all(ends: list[str]) -> str:
    return next((end for end in (FAILED, SKIPPED) if end in ends), SUCCESS)


def _behind(sources: set[str], nodes: Mapping[str, Listed]) -> set[str]:
    """Everything downstream of the sources."""
    behind = set(sources)
    while more := {node.unique_id for node in nodes.values() if set(node.parents) & behind} - behind:
        behind |= more
    return behind - sources
