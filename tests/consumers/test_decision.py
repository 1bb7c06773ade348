"""The rules by which a task's question is answered, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from heliograph.bus.events import Event
from heliograph.bus.payloads import Outcome, PlannedNode, SkipReason
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import End, NodeQuestion, TestsQuestion, Verdict
from run_events import Attempt, check, model

ORDERS, ITEMS = model("orders"), model("items")
UNIQUE = check("unique_orders", ORDERS.unique_id)
NOT_NULL = check("not_null_orders", ORDERS.unique_id)
UNIT = check("orders_unit", ORDERS.unique_id, resource_type="unit_test")
RELATION = check("relation", ITEMS.unique_id, ORDERS.unique_id)


def state_of(*events: Event | Iterable[Event]) -> RunState:
    state = RunState(run="shop/run-1")
    for event in events:
        for each in [event] if isinstance(event, Event) else event:
            state.apply(each)
    return state


def on_node(*events: Event | Iterable[Event], attempt_from: int = 1) -> Verdict | None:
    return NodeQuestion(ORDERS.unique_id, attempt_from).decide(state_of(*events))


def on_tests(*events: Event | Iterable[Event], attempt_from: int = 1) -> Verdict | None:
    return TestsQuestion(ORDERS.unique_id, attempt_from).decide(state_of(*events))


def begun(*nodes: PlannedNode, attempt: int = 1) -> tuple[Attempt, list[Event]]:
    run = Attempt(attempt=attempt)
    return run, [run.started(), run.planned(*(nodes or (ORDERS, ITEMS)))]


@pytest.mark.parametrize(
    ("outcome", "more", "end", "words"),
    [
        (Outcome.SUCCESS, {}, End.SUCCESS, "dbt reported success"),
        (Outcome.WARN, {"message": "Got 2 results"}, End.SUCCESS, "with a warning: Got 2 results"),
        (Outcome.NO_OP, {}, End.SUCCESS, "nothing to do"),
        (Outcome.ERROR, {"message": "Database Error\n  no such table"}, End.FAILED, "error: Database Error no such"),
        (Outcome.FAIL, {"message": "Got 3 results"}, End.FAILED, "Got 3 results"),
        (Outcome.CANCELLED, {}, End.FAILED, "cancelled"),
        (Outcome.SKIPPED, {"skip_reason": SkipReason.STALE_SOURCE}, End.SKIPPED, "stale source"),
        (
            Outcome.SKIPPED,
            {"skip_reason": SkipReason.UPSTREAM_FAILED, "caused_by": ("model.shop.raw",)},
            End.FAILED,
            "upstream model.shop.raw failed",
        ),
        (Outcome.SKIPPED, {"skip_reason": SkipReason.UPSTREAM_FAILED}, End.FAILED, "an upstream node failed"),
        (Outcome.SKIPPED, {"skip_reason": SkipReason.FAIL_FAST}, End.FAILED, "fail-fast"),
        (Outcome.SKIPPED, {"skip_reason": SkipReason.OTHER, "message": "why not"}, End.FAILED, "skipped by dbt: why"),
        (
            Outcome.SKIPPED,
            {"skip_reason": SkipReason.OTHER, "caused_by": ("operation.shop.hook",)},
            End.FAILED,
            "operation.shop.hook failed",
        ),
        (Outcome.SKIPPED, {}, End.FAILED, "skipped by dbt"),
    ],
)
def test_a_nodes_own_report_decides(outcome: Outcome, more: dict[str, Any], end: End, words: str) -> None:
    run, events = begun()
    verdict = on_node(events, run.node(ORDERS, outcome, **more))
    assert verdict is not None
    assert verdict.end is end
    assert words in verdict.reason
    assert (verdict.outcome, verdict.attempt) == (outcome, 1)
    assert "\n" not in verdict.reason


def test_a_warning_is_carried_along() -> None:
    run, events = begun()
    verdict = on_node(events, run.node(ORDERS, Outcome.WARN, message="Got 2 results"))
    assert verdict is not None
    assert verdict.warnings == ("Got 2 results",)


def test_there_is_no_verdict_before_the_nodes_end() -> None:
    run, events = begun()
    assert on_node() is None
    assert on_node(events[:1]) is None
    assert on_node(events) is None
    assert on_node(events, run.node_started(ORDERS), run.node(ITEMS)) is None


def test_a_node_that_dbt_did_not_select_fails_as_soon_as_the_plan_is_known() -> None:
    _, events = begun(ITEMS)
    verdict = on_node(events)
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "did not select it" in verdict.reason


def test_a_run_that_ended_before_its_plan_fails_the_node_with_dbts_message() -> None:
    run = Attempt()
    verdict = on_node(run.started(), run.finished(2, message="Compilation Error\n  bad ref"))
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "before it selected any node (exit code 2): Compilation Error bad ref" in verdict.reason
    assert verdict.message == "Compilation Error\n  bad ref"


def test_a_finished_run_without_word_of_a_planned_node_is_never_green() -> None:
    run, events = begun()
    verdict = on_node(events, run.node(ITEMS), run.finished())
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "without reporting it" in verdict.reason


@pytest.mark.parametrize("end_of", [Attempt.finished, Attempt.aborted])
def test_missing_events_are_waited_for_until_they_come_or_are_given_up(end_of: Any) -> None:
    run, events = begun()
    missing, last = run.node(ORDERS), end_of(run)
    assert on_node(events, last) is None
    found = on_node(events, last, missing)
    assert found is not None
    assert found.end is End.SUCCESS
    given_up = on_node(events, last, run.lost("events 3 of attempt 1 never arrived"))
    assert given_up is not None
    assert (given_up.end, given_up.reason) == (End.FAILED, "events 3 of attempt 1 never arrived")


def test_the_plan_may_be_among_the_missing_events() -> None:
    run, events = begun()
    assert on_node(events[0], run.finished()) is None


def test_an_aborted_run_fails_what_it_did_not_reach_and_nothing_else() -> None:
    run, events = begun()
    done = run.node(ITEMS)
    aborted = run.aborted("SIGTERM")
    verdict = on_node(events, done, aborted)
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "aborted before dbt reported it: SIGTERM" in verdict.reason
    other = NodeQuestion(ITEMS.unique_id).decide(state_of(events, done, aborted))
    assert other is not None
    assert other.end is End.SUCCESS


def test_a_lost_run_fails_what_it_did_not_report() -> None:
    run, events = begun()
    verdict = on_node(events, run.lost("no event came for 30 s"))
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "lost before dbt reported it: no event came for 30 s" in verdict.reason


def test_a_run_of_which_nothing_but_its_loss_is_known_fails_the_node() -> None:
    verdict = on_node(Attempt().lost("the producer task failed"))
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "the producer task failed" in verdict.reason


def test_the_newest_report_counts() -> None:
    first = Attempt().whole([ORDERS], orders=Outcome.ERROR)
    second = Attempt(attempt=2).whole([ORDERS])
    verdict = on_node(first, second)
    assert verdict is not None
    assert (verdict.end, verdict.attempt) == (End.SUCCESS, 2)


def test_a_newer_attempt_that_will_report_the_node_is_waited_for() -> None:
    first = Attempt().whole([ORDERS])
    second, events = begun(ORDERS, attempt=2)
    assert on_node(first, events) is None
    verdict = on_node(first, events, second.node(ORDERS, Outcome.ERROR))
    assert verdict is not None
    assert verdict.end is End.FAILED


def test_a_newer_attempt_that_has_not_planned_holds_back_a_failure_but_no_success() -> None:
    starting = Attempt(attempt=2).started()
    assert on_node(Attempt().whole([ORDERS], orders=Outcome.ERROR), starting) is None
    verdict = on_node(Attempt().whole([ORDERS]), starting)
    assert verdict is not None
    assert verdict.end is End.SUCCESS


def test_a_newer_attempt_on_other_nodes_leaves_the_verdict_as_it_was() -> None:
    _, events = begun(ITEMS, attempt=2)
    verdict = on_node(Attempt().whole([ORDERS, ITEMS], items=Outcome.ERROR), events)
    assert verdict is not None
    assert (verdict.end, verdict.attempt) == (End.SUCCESS, 1)


def test_an_older_attempt_that_is_open_is_waited_for_when_the_newer_one_is_on_other_nodes() -> None:
    _, first = begun(ORDERS, ITEMS)
    _, second = begun(ITEMS, attempt=2)
    assert on_node(first, second) is None


def test_what_came_before_the_attempt_in_question_does_not_count() -> None:
    first = Attempt().whole([ORDERS])
    assert on_node(first, attempt_from=2) is None
    verdict = on_node(first, Attempt(attempt=2).whole([ORDERS], orders=Outcome.ERROR), attempt_from=2)
    assert verdict is not None
    assert verdict.end is End.FAILED


def test_a_request_to_cancel_is_no_attempt() -> None:
    assert on_node(Attempt().cancel()) is None
    verdict = on_node(Attempt().whole([ORDERS], orders=Outcome.ERROR), Attempt(attempt=2).cancel())
    assert verdict is not None
    assert verdict.end is End.FAILED


def test_tests_are_judged_once_all_of_them_ended() -> None:
    run, events = begun(ORDERS, UNIQUE, UNIT, RELATION, ITEMS)
    question = TestsQuestion(ORDERS.unique_id)
    assert sorted(question.subjects(state_of(events))) == sorted([UNIQUE.unique_id, UNIT.unique_id, RELATION.unique_id])
    events += [run.node(ORDERS), run.node(UNIQUE, Outcome.FAIL, message="Got 3 results"), run.node(UNIT)]
    assert on_tests(events) is None
    verdict = on_tests(events, run.node(RELATION))
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert verdict.reason == "1 of 3 tests failed: unique_orders"
    assert verdict.message == "unique_orders: Got 3 results"
    assert verdict.outcome is Outcome.FAIL


def test_passed_tests_carry_their_warnings() -> None:
    run, events = begun(ORDERS, UNIQUE, NOT_NULL)
    verdict = on_tests(events, run.node(UNIQUE), run.node(NOT_NULL, Outcome.WARN, message="Got 1 result"))
    assert verdict is not None
    assert verdict.end is End.SUCCESS
    assert verdict.reason == "2 of 2 tests passed, 1 with a warning"
    assert verdict.warnings == ("not_null_orders: Got 1 result",)
    assert verdict.outcome is Outcome.WARN


def test_two_tests_of_one_name_are_two_tests() -> None:
    twin = PlannedNode(
        unique_id="test.other.unique_orders", resource_type="test", name=UNIQUE.name, depends_on=(ORDERS.unique_id,)
    )
    run, events = begun(ORDERS, UNIQUE, twin)
    verdict = on_tests(events, run.node(UNIQUE, Outcome.FAIL), run.node(twin))
    assert verdict is not None
    assert verdict.end is End.FAILED


def test_the_names_of_very_many_failed_tests_are_shortened() -> None:
    tests = [check(f"t{i}", ORDERS.unique_id) for i in range(50)]
    run, events = begun(ORDERS, *tests)
    verdict = on_tests(events, [run.node(test, Outcome.FAIL, message="bad") for test in tests])
    assert verdict is not None
    assert verdict.reason.startswith("50 of 50 tests failed: t0, t1, ")
    assert verdict.reason.endswith("t9 and 40 more")
    assert verdict.message is not None
    assert len(verdict.message.splitlines()) == 10


def test_tests_skipped_because_their_model_failed_fail_with_the_cause() -> None:
    run, events = begun(ORDERS, UNIQUE, NOT_NULL)
    skipped = {"skip_reason": SkipReason.UPSTREAM_FAILED, "caused_by": (ORDERS.unique_id,)}
    verdict = on_tests(events, [run.node(test, Outcome.SKIPPED, **skipped) for test in (UNIQUE, NOT_NULL)])
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert verdict.reason.endswith("skipped by dbt: upstream model.shop.orders failed")


def test_tests_skipped_for_a_stale_source_are_skipped() -> None:
    run, events = begun(ORDERS, UNIQUE, NOT_NULL)
    stale = run.node(UNIQUE, Outcome.SKIPPED, skip_reason=SkipReason.STALE_SOURCE)
    verdict = on_tests(events, stale, run.node(NOT_NULL))
    assert verdict is not None
    assert verdict.end is End.SKIPPED


def test_a_model_without_selected_tests_is_skipped() -> None:
    _run, events = begun(ORDERS)
    assert on_tests(events[:1]) is None
    verdict = on_tests(events)
    assert verdict is not None
    assert (verdict.end, verdict.reason) == (End.SKIPPED, "dbt selected no test of it")


def test_tests_of_a_model_that_dbt_did_not_select_fail() -> None:
    _, events = begun(ITEMS)
    verdict = on_tests(events)
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "did not select it" in verdict.reason


def test_tests_of_a_run_that_died_fail_even_though_the_model_succeeded() -> None:
    run, events = begun(ORDERS, UNIQUE, NOT_NULL)
    verdict = on_tests(events, run.node(ORDERS), run.node(UNIQUE), run.lost())
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert verdict.reason.startswith("1 of 2 tests gave no result: the producer was lost")


def test_tests_of_a_run_that_ended_before_its_plan_fail_with_dbts_message() -> None:
    run = Attempt()
    verdict = on_tests(run.started(), run.finished(2, message="Compilation Error"))
    assert verdict is not None
    assert verdict.end is End.FAILED
    assert "Compilation Error" in verdict.reason


def test_a_retry_of_one_test_is_judged_together_with_those_that_passed_before() -> None:
    first = Attempt().whole([ORDERS, UNIQUE, NOT_NULL], unique_orders=Outcome.FAIL)
    second, events = begun(UNIQUE, attempt=2)
    assert on_tests(first, events) is None
    verdict = on_tests(first, events, second.node(UNIQUE))
    assert verdict is not None
    assert (verdict.end, verdict.attempt) == (End.SUCCESS, 2)
