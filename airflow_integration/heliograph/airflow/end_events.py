"""A verdict about a node as the event that ends its Airflow task."""

from __future__ import annotations

from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from heliograph.airflow.versions import FAILS_FROM_TRIGGER
from heliograph.consumers.decision import End, Verdict


def end_event(verdict: Verdict) -> TriggerEvent:
    """Ends the task in the triggerer; a failure that Airflow would not retry from there resumes on a worker."""
    if verdict.end is End.SUCCESS:
        return TaskSuccessEvent()
    if verdict.end is End.SKIPPED:
        return TaskSkippedEvent()
    if FAILS_FROM_TRIGGER:
        return TaskFailedEvent()
    return TriggerEvent({"failed": verdict.reason})
