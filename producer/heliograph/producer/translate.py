"""dbt's records -> payloads of the contract. Knows the shapes of dbt 1.8 to 1.12; keeps no state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from heliograph.bus.payloads import (
    COMPILED_SQL_LIMIT,
    Freshness,
    Interval,
    NodeFinishedData,
    NodeStartedData,
    SkipReason,
)
from heliograph.producer.sources.port import DbtEvent, Json
from heliograph.producer.verdict import TEST_TYPES, verdict

MESSAGE_LIMIT: Final = 16 * 1024
"""Characters of a node's message carried in an event."""

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NO_STATUS: Final = frozenset({"", "none"})

Scalar = str | int | float | bool | None


def unique_id_of(event: DbtEvent) -> str | None:
    """The node the event is about."""
    return event.data.get("node_info", {}).get("unique_id") or None


def node_started(event: DbtEvent) -> NodeStartedData:
    """The payload of a ``NodeStart``."""
    node = event.data["node_info"]
    return NodeStartedData(
        resource_type=node.get("resource_type", ""),
        name=node.get("node_name", ""),
        thread=event.info.get("thread") or None,
        started_at=moment(node.get("node_started_at")),
    )


def node_finished(event: DbtEvent, *, caused_by: tuple[str, ...] = ()) -> NodeFinishedData:
    """The payload of a ``NodeFinished``. ``caused_by`` counts only where the node was skipped."""
    node, result = event.data["node_info"], event.data.get("run_result", {})
    resource_type = node.get("resource_type", "")
    return _finished(
        status=_status(result.get("status"), node.get("node_status")),
        resource_type=resource_type,
        name=node.get("node_name", ""),
        result=result,
        failures=result.get("num_failures"),
        timing=result.get("timing_info", ()),
        thread=result.get("thread") or event.info.get("thread"),
        relation=(node.get("node_relation") or {}).get("relation_name"),
        compiled_sql=event.compiled_sql,
        compiled_path=event.compiled_path,
        caused_by=caused_by,
    )


def node_result(result: Json, *, name: str, resource_type: str, caused_by: tuple[str, ...] = ()) -> NodeFinishedData:
    """The payload of an entry of dbt's final result that dbt announced differently or not at all."""
    return _finished(
        status=_status(result.get("status"), None),
        resource_type=resource_type,
        name=name,
        result=result,
        failures=result.get("failures"),
        timing=result.get("timing", ()),
        thread=result.get("thread_id"),
        relation=result.get("relation_name"),
        compiled_sql=result.get("compiled_sql") or result.get("compiled_code"),
        compiled_path=result.get("compiled_path"),
        caused_by=caused_by,
        # A skip that dbt never announced did not come from a failed parent: those it announces.
        skipped_because=SkipReason.OTHER,
    ).model_copy(update={"reconciled": True, **freshness_fields(result)})


def freshness_fields(result: Json) -> dict[str, Any]:
    """What an entry of ``sources.json`` adds to a source's end: the age, and a message where it is too high.

    Empty where the age could not be found out, and for entries of other results.
    """
    age_s = result.get("max_loaded_at_time_ago_in_s")
    if age_s is None:
        return {}
    freshness = Freshness(
        age_s=age_s,
        max_loaded_at=moment(result.get("max_loaded_at")),
        snapshotted_at=moment(result.get("snapshotted_at")),
    )
    limit = (result.get("criteria") or {}).get({"warn": "warn_after", "error": "error_after"}.get(result["status"], ""))
    if not limit:
        return {"freshness": freshness}
    unit = f"{limit['period']}s" if limit["count"] != 1 else limit["period"]
    told = f"The newest row is {_age(age_s)} old, more than {limit['count']:g} {unit}"
    return {"freshness": freshness, "message": told}


def _age(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _finished(
    *,
    status: str,
    resource_type: str,
    name: str,
    result: Json,
    failures: Any,
    timing: Any,
    thread: str | None,
    relation: str | None,
    compiled_sql: str | None,
    compiled_path: str | None,
    caused_by: tuple[str, ...],
    skipped_because: SkipReason = SkipReason.UPSTREAM_FAILED,
) -> NodeFinishedData:
    message = clean(result.get("message"))
    found = verdict(status, resource_type=resource_type, message=message, skipped_because=skipped_because)
    response = flatten(result.get("adapter_response") or {})
    phases = dict(_phases(timing))
    return NodeFinishedData(
        outcome=found.outcome,
        resource_type=resource_type,
        name=name,
        skip_reason=found.skip_reason,
        caused_by=caused_by if found.skip_reason is not None else (),
        test_outcome=found.test_outcome,
        failures=int(failures) if failures is not None and resource_type in TEST_TYPES else None,
        message=message,
        execution_time_s=result.get("execution_time"),
        compile=phases.get("compile"),
        execute=phases.get("execute"),
        thread=thread or None,
        relation=relation or None,
        rows_affected=_count(response.get("rows_affected")),
        query_id=_text(response.get("query_id") or response.get("job_id")),
        adapter_response=response,
        compiled_sql=compiled_sql[:COMPILED_SQL_LIMIT] if compiled_sql else None,
        compiled_sql_path=compiled_path,
    )


def _status(status: object, fallback: object) -> str:
    # Microbatch models came with the status "None" in the node's own info in some versions, or with none at all.
    for word in (status, fallback):
        if word is not None and str(word).strip().lower() not in _NO_STATUS:
            return str(word)
    return "unknown"


def _phases(timing: Any) -> Iterator[tuple[str, Interval]]:
    for step in timing:
        begun, ended = moment(step.get("started_at")), moment(step.get("completed_at"))
        if begun is not None and ended is not None:
            yield str(step.get("name")), Interval(started_at=begun, completed_at=ended)


def moment(text: object) -> datetime | None:
    """A time as dbt writes it, UTC with or without saying so; None where it wrote none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def clean(message: object) -> str | None:
    """A message without terminal colours, bounded; None where there is none."""
    if not message:
        return None
    return _ANSI.sub("", str(message))[:MESSAGE_LIMIT]


def flatten(response: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """An adapter's response as scalars: inner objects by dotted names, lists as JSON."""
    flat: dict[str, Scalar] = {}
    for key, value in response.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, float) and value.is_integer():
            flat[prefix + key] = int(value)  # dbt's log carries every number as a float
        elif value is None or isinstance(value, str | int | float | bool):
            flat[prefix + key] = value
        else:
            flat[prefix + key] = json.dumps(value, default=str)
    return flat


def _count(value: Scalar) -> int | None:
    return int(value) if isinstance(value, int | float) and value >= 0 else None


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)
