"""What each task is told, and when: equal to what the questions answer on the whole state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heliograph.bus.events import Event
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import NodeQuestion, TestsQuestion
from heliograph.consumers.task_ends import TaskEnds, Told
from heliograph.consumers.verdict import End
from run_events import Attempt, check, model

RUN = "shop/run-1"
ORDERS, ITEMS = model("orders"), model("items", "model.shop.orders")
BOTH = check("both", ORDERS.unique_id, ITEMS.unique_id)


def fed(events: list[Event]) -> tuple[TaskEnds, list[tuple[int, Told]], RunState]:
    """The events one by one, and behind which of them each task ended."""
    state = RunState(run=RUN)
    ends = TaskEnds(state)
    told = [(at, task) for at, event in enumerate(events) if state.apply(event) for task in ends.take(event)]
    return ends, told, state


def told_by(events: list[Event]) -> list[tuple[int, str, bool, End]]:
    return [(at, task.unique_id, task.tests, task.verdict.end) for at, task in fed(events)[1]]


def test_a_test_of_two_nodes_ends_the_test_tasks_of_both() -> None:
    events = Attempt().whole([ORDERS, ITEMS, BOTH], both=Outcome.FAIL)
    assert told_by(events) == [
        (2, ORDERS.unique_id, False, End.SUCCESS),
        (3, ITEMS.unique_id, False, End.SUCCESS),
        (4, ORDERS.unique_id, True, End.FAILED),
        (4, ITEMS.unique_id, True, End.FAILED),
    ]


def test_what_dbt_did_not_report_fails_with_the_run() -> None:
    run = Attempt()
    events = [run.started(), run.planned(ORDERS, ITEMS), run.node(ORDERS), run.aborted()]
    assert told_by(events)[-1] == (3, ITEMS.unique_id, False, End.FAILED)


def test_a_failed_task_is_told_again_by_a_further_attempt_and_a_successful_one_is_not() -> None:
    first = Attempt().whole([ORDERS, ITEMS], items=Outcome.ERROR)
    second = Attempt(attempt=2).whole([ITEMS])
    assert told_by([*first, *second])[2:] == [(len(first) + 2, ITEMS.unique_id, False, End.SUCCESS)]


def test_a_node_that_the_further_attempt_does_not_run_keeps_its_end() -> None:
    first = Attempt().whole([ORDERS, ITEMS], orders=Outcome.ERROR, items=Outcome.ERROR)
    second = Attempt(attempt=2).whole([ITEMS])
    ends, told, _ = fed([*first, *second])
    assert [task.unique_id for at, task in told if at >= len(first)] == [ITEMS.unique_id]
    assert ends.told[(ORDERS.unique_id, False)].end is End.FAILED
    assert ends.undecided == []


@given(st.data())
def test_in_any_order_it_ends_with_what_the_questions_answer(data: st.DataObject) -> None:
    outcomes = {name: data.draw(st.sampled_from(list(Outcome))) for name in ("orders", "items", "both")}
    events = Attempt().whole([ORDERS, ITEMS, BOTH], **outcomes)
    shuffled = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events)))]))
    ends, _, state = fed(shuffled)
    assert {key: verdict.end for key, verdict in ends.told.items()} == {
        (node.unique_id, tests): answer.end
        for node in (ORDERS, ITEMS)
        for tests in (False, True)
        if (answer := (TestsQuestion if tests else NodeQuestion)(node.unique_id).decide(state)) is not None
    }
    assert ends.undecided == []
