"""A verdict about a node as the event that ends its Airflow task, or sends it to a worker."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from heliograph.airflow.constants import RENDERED_SQL_LIMIT, ResumeOn
from heliograph.airflow.versions import FAILS_FROM_TRIGGER
from heliograph.consumers.decision import End, Verdict

WARNED_LIMIT: Final = 200
"""Warnings handed to a callback; each is one bounded line, and all travel through Airflow's database."""


def end_event(verdict: Verdict, *, resume_on: Collection[str] = ()) -> TriggerEvent:
    """Ends the task in the triggerer, unless the end is one that it has something to do for on a worker.

    A failure that Airflow would not retry from the triggerer resumes on a worker too.
    """
    if verdict.end is End.SUCCESS:
        warned = ResumeOn.WARNING in resume_on and bool(verdict.warnings)
        if warned or ResumeOn.SUCCESS in resume_on:
            return TriggerEvent(_success(verdict))
        return TaskSuccessEvent()
    if verdict.end is End.SKIPPED:
        return TaskSkippedEvent()
    if FAILS_FROM_TRIGGER:
        return TaskFailedEvent()
    return TriggerEvent({"failed": verdict.reason})


def _success(verdict: Verdict) -> dict[str, Any]:
    payload: dict[str, Any] = {"ended": "success", "warned": named_warnings(verdict)[:WARNED_LIMIT]}
    if verdict.node is not None and verdict.node.compiled_sql:
        payload["compiled_sql"] = verdict.node.compiled_sql[:RENDERED_SQL_LIMIT]
    return payload


def named_warnings(verdict: Verdict) -> list[list[str]]:
    """The test, or the source, and what dbt said, for each warning."""
    if verdict.node is not None:
        return [[verdict.node.name, warning] for warning in verdict.warnings]
    # On several tests each warning begins with the test's name, which holds no colon.
    return [list(warning.partition(": ")[::2]) for warning in verdict.warnings]
