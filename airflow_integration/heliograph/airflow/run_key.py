"""The key of a logical run on the bus: equal for the producer and every consumer of one DAG run."""

from __future__ import annotations


def run_key(*, dag_id: str, group_id: str | None, run_id: str) -> str:
    """``<dag id>/<task group id, may be empty>/<run id>``."""
    return f"{dag_id}/{group_id or ''}/{run_id}"
