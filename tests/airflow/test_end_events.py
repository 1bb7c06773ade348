from __future__ import annotations

from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent

from heliograph.airflow.end_events import end_event
from heliograph.bus.payloads import NodeFinishedData, Outcome, SkipReason
from heliograph.consumers.verdict import End, Verdict, verdict_on


def verdict(outcome: Outcome, **more: object) -> Verdict:
    node = NodeFinishedData.model_validate({"outcome": outcome, "resource_type": "test", "name": "unique_id", **more})
    return verdict_on(node, attempt=1)


def test_an_end_needs_no_worker_where_nothing_is_to_be_done() -> None:
    assert isinstance(end_event(verdict(Outcome.WARN, message="Got 1 result")), TaskSuccessEvent)
    assert isinstance(end_event(verdict(Outcome.SUCCESS), resume_on=["warning"]), TaskSuccessEvent)


def test_a_warning_resumes_on_a_worker_where_a_callback_waits_for_it() -> None:
    event = end_event(verdict(Outcome.WARN, message="Got 1 result"), resume_on=["warning"])

    assert event.payload == {"ended": "success", "warned": [["unique_id", "Got 1 result"]]}


def test_warnings_of_several_tests_are_told_by_name() -> None:
    several = Verdict(end=End.SUCCESS, reason="2 of 2 tests passed", warnings=("not_null_id: Got: 1", "unique_id: 2"))

    event = end_event(several, resume_on=["warning"])

    assert event.payload["warned"] == [["not_null_id", "Got: 1"], ["unique_id", "2"]]


def test_a_success_with_outlets_resumes_and_brings_bounded_sql() -> None:
    event = end_event(verdict(Outcome.SUCCESS, compiled_sql="x" * 10_000), resume_on=["success"])

    assert event.payload == {"ended": "success", "warned": [], "compiled_sql": "x" * 4096}


def test_failures_and_skips_have_nothing_to_do_on_a_worker() -> None:
    both = ["warning", "success"]

    assert isinstance(end_event(verdict(Outcome.ERROR), resume_on=both), TaskFailedEvent)
    stale = verdict(Outcome.SKIPPED, skip_reason=SkipReason.STALE_SOURCE)
    assert isinstance(end_event(stale, resume_on=both), TaskSkippedEvent)
