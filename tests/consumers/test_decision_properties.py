"""What holds of every verdict, whatever the run: invariants I1 and I3."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heliograph.bus.events import Event, NodeFinished
from heliograph.bus.payloads import Outcome, PlannedNode, SkipReason
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import End, NodeQuestion, TestsQuestion, Verdict
from run_events import Attempt, check, model

POSITIVE = {Outcome.SUCCESS, Outcome.WARN, Outcome.NO_OP}
MODELS = [model(f"m{i}") for i in range(3)]
TESTS = [check(f"t{i}", MODELS[i // 2].unique_id) for i in range(4)]
NODES = [*MODELS, *TESTS]
MESSAGES = st.sampled_from([None, "Got 2 results", "Database Error\n  no such table"])
QUESTIONS: list[NodeQuestion | TestsQuestion] = [
    *(NodeQuestion(node.unique_id, start) for node in NODES for start in (1, 2)),
    *(TestsQuestion(node.unique_id, start) for node in MODELS for start in (1, 2)),
]


@st.composite
def attempts(draw: st.DrawFn, attempt: int = 1, *, may_die: bool = True) -> list[Event]:
    """One attempt's events in the order a producer writes them; every planned node ends unless the run dies."""
    run = Attempt(attempt=attempt)
    events = [run.started()]
    if not draw(st.booleans()) and draw(st.booleans()):
        return [*events, run.finished(2, message="Compilation Error")]
    plan: list[PlannedNode] = draw(st.lists(st.sampled_from(NODES), unique_by=lambda node: node.unique_id))
    events.append(run.planned(*plan))
    for node in draw(st.permutations(plan)):
        if draw(st.booleans()):
            events.append(run.heartbeat())
        outcome = draw(st.sampled_from(list(Outcome)))
        skip = draw(st.sampled_from([None, *SkipReason])) if outcome is Outcome.SKIPPED else None
        events += [run.node_started(node), run.node(node, outcome, skip_reason=skip, message=draw(MESSAGES))]
    if not may_die or draw(st.booleans()):
        return [*events, run.finished(draw(st.integers(0, 1)))]
    alive = events[: draw(st.integers(1, len(events)))]
    run.sequence = len(alive)
    return [*alive, draw(st.sampled_from([run.aborted(), run.lost()]))]


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """The log of a run of one or two attempts."""
    second = draw(st.one_of(st.just([]), attempts(attempt=2)))
    return [*draw(attempts()), *second]


def fold(events: list[Event]) -> RunState:
    state = RunState(run="shop/run-1")
    for event in events:
        state.apply(event)
    return state


def verdicts(events: list[Event]) -> list[Verdict | None]:
    state = fold(events)
    return [question.decide(state) for question in QUESTIONS]


@given(logs(), st.data())
def test_success_rests_on_a_positive_report_of_the_node_itself(log: list[Event], data: st.DataObject) -> None:
    seen = data.draw(st.lists(st.sampled_from(log)))
    for question, verdict in zip(QUESTIONS, verdicts(seen), strict=True):
        if verdict is None or verdict.end is not End.SUCCESS:
            continue
        asked = {question.unique_id}
        if isinstance(question, TestsQuestion):
            asked = {test.unique_id for test in TESTS if question.unique_id in test.depends_on} & {
                node.unique_id for attempt in fold(seen).attempts.values() for node in attempt.plan.values()
            }
        positive = {
            event.subject
            for event in seen
            if isinstance(event, NodeFinished)
            and event.attempt >= question.attempt_from
            and event.data.outcome in POSITIVE
        }
        assert asked
        assert asked <= positive


@given(logs(), st.data())
def test_neither_order_nor_repetition_changes_a_verdict(log: list[Event], data: st.DataObject) -> None:
    disturbed = data.draw(st.permutations(log + data.draw(st.lists(st.sampled_from(log)))))
    assert verdicts(disturbed) == verdicts(log)


@given(attempts(may_die=False), st.data())
def test_what_a_part_of_the_log_says_the_whole_log_confirms(log: list[Event], data: st.DataObject) -> None:
    """Any part, not only a beginning: events may be missing anywhere."""
    part = data.draw(st.lists(st.sampled_from(log), unique_by=lambda event: event.id))
    for early, final in zip(verdicts(part), verdicts(log), strict=True):
        assert early is None or early == final


@given(attempts())
def test_a_run_that_is_over_leaves_no_question_open(log: list[Event]) -> None:
    for question, verdict in zip(QUESTIONS, verdicts(log), strict=True):
        assert (verdict is None) == (question.attempt_from > 1)
