"""The log of one node's task: what dbt said and did for that node, in readable lines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from heliograph.bus.payloads import Interval, NodeFinishedData
from heliograph.consumers.verdict import End, Verdict

SQL_LINES: Final = 400
"""Lines of compiled SQL shown; the path to the whole text is named where it is longer."""
MESSAGE_LINES: Final = 200


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record of a task log: a level of ``logging``, and its text, one line or a block of them."""

    level: int
    text: str


def node_log(verdict: Verdict, *, unique_id: str, producer_log: str | None = None) -> Iterator[LogLine]:
    """What the task's log says of its node, the result first.

    A block is one record: a record takes the triggerer's loop about 0.1 ms, a further line in one far less.

    Args:
        verdict: how the task ends.
        unique_id: the node's, or of the node whose tests are reported.
        producer_log: the address of the log of the whole dbt run.
    """
    level = logging.ERROR if verdict.end is End.FAILED else logging.INFO
    yield LogLine(level, f"{unique_id}: {verdict.reason}")
    for warning in verdict.warnings:
        yield LogLine(logging.WARNING, warning)
    if verdict.node is not None:
        yield from _dbt_lines(verdict.node)
    if verdict.end is End.FAILED and verdict.message:
        yield LogLine(logging.ERROR, _block("dbt's message:", verdict.message, limit=MESSAGE_LINES))
    facts = _facts(verdict.node, verdict.attempt)
    if facts:
        yield LogLine(logging.INFO, facts)
    if verdict.node is not None and verdict.node.compiled_sql:
        yield LogLine(logging.INFO, _sql(verdict.node.compiled_sql, verdict.node.compiled_sql_path))
    if producer_log is not None:
        yield LogLine(logging.INFO, f"The whole dbt run: {producer_log}")


def task_log_url(*, dag_id: str, run_id: str, task_id: str) -> str:
    """The page of a task's log in Airflow's UI, as Airflow builds it for its own mails (``TaskInstance.log_url``)."""
    from airflow.configuration import conf

    base_url = conf.get("api", "base_url", fallback=None) or "http://localhost:8080"
    return f"{base_url.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}"


def _dbt_lines(node: NodeFinishedData) -> Iterator[LogLine]:
    for text in node.lines:
        for line in text.splitlines():
            yield LogLine(logging.INFO, line)


def _facts(node: NodeFinishedData | None, attempt: int | None) -> str:
    """What is known of the node, in one line."""
    facts = {**({} if node is None else _facts_of_node(node)), "attempt": attempt}
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


def _facts_of_node(node: NodeFinishedData) -> dict[str, str | int | None]:
    response = ", ".join(f"{name}={value}" for name, value in node.adapter_response.items() if value is not None)
    age = node.freshness.age_s if node.freshness is not None else None
    return {
        "relation": node.relation,
        "rows": node.rows_affected,
        "test failures": node.failures,
        "age of the newest row": None if age is None else str(timedelta(seconds=round(age))),
        "compile": _seconds(node.compile),
        "execute": _seconds(node.execute),
        "time": None if node.execution_time_s is None else f"{node.execution_time_s:.2f} s",
        "thread": node.thread,
        "query id": node.query_id,
        "adapter response": f"({response})" if response else None,
    }


def _seconds(phase: Interval | None) -> str | None:
    return None if phase is None else f"{(phase.completed_at - phase.started_at).total_seconds():.2f} s"


def _sql(text: str, path: str | None) -> str:
    return _block(f"compiled SQL ({path}):" if path else "compiled SQL:", text, limit=SQL_LINES)


def _block(title: str, text: str, *, limit: int) -> str:
    lines = text.strip("\n").splitlines()
    more = [f"... and {len(lines) - limit} more lines"] if len(lines) > limit else []
    return "\n".join([title, *(f"  {line}" for line in [*lines[:limit], *more])])
