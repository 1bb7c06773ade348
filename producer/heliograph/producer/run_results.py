"""dbt's ``run_results.json``: writing one, and one over the attempts of a run. Pure; the standard library only.

Shape: https://schemas.getdbt.com/dbt/run-results/v6.json, which dbt 1.8 and newer write and read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

SCHEMA: Final = "https://schemas.getdbt.com/dbt/run-results/v6.json"

# What dbt says of nodes that did what they should (NodeStatus, dbt/artifacts/schemas/results.py).
_DONE: Final = frozenset({"success", "pass", "warn", "no-op"})


def result_entry(unique_id: str, *, status: str, **known: Any) -> dict[str, Any]:
    """One entry with all its fields; those that are not ``known`` are empty."""
    return {
        "status": status,
        "timing": [],
        "thread_id": "",
        "execution_time": 0.0,
        "adapter_response": {},
        "message": None,
        "failures": None,
        "unique_id": unique_id,
        "compiled": None,
        "compiled_code": None,
        "relation_name": None,
        **known,
    }


def run_results(
    results: Iterable[Mapping[str, Any]],
    *,
    elapsed_s: float = 0.0,
    args: Mapping[str, Any] | None = None,
    generated_at: datetime | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """A whole artefact. ``metadata``: what is known of it beside its schema, such as the invocation's id."""
    return {
        "metadata": {
            "dbt_schema_version": SCHEMA,
            "generated_at": utc_text(generated_at or datetime.now(UTC)),
            "env": {},
            **{key: value for key, value in metadata.items() if value is not None},
        },
        "results": [dict(result) for result in results],
        "elapsed_time": elapsed_s,
        "args": dict(args or {}),
    }


def utc_text(moment: datetime) -> str:
    """A time as dbt writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def merge_run_results(attempts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One artefact over the attempts of a run, given oldest first.

    The newest result of each node wins, except that a node which did what it should is not undone by a later attempt
    that skipped it: what was skipped was not run. Metadata is the newest attempt's, ``args`` the first one's,
    ``elapsed_time`` the sum. Nodes stand in the order in which they were first reported.

    Raises:
        ValueError: there is no attempt.
    """
    if not attempts:
        raise ValueError("A merged run_results.json needs at least one attempt")
    merged: dict[str, Mapping[str, Any]] = {}
    for attempt in attempts:
        for result in attempt.get("results", ()):
            known = merged.get(result["unique_id"])
            if known is None or not (result["status"] == "skipped" and known["status"] in _DONE):
                merged[result["unique_id"]] = result
    first, newest = attempts[0], attempts[-1]
    return {
        "metadata": dict(newest["metadata"]),
        "results": [dict(result) for result in merged.values()],
        "elapsed_time": float(sum(attempt.get("elapsed_time") or 0.0 for attempt in attempts)),
        "args": dict(first.get("args") or {}),
    }
