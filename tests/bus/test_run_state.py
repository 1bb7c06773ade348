"""The fold: which state a set of events makes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_strategies import event_sets
from heliograph.bus.events import Event, RetryRequested, RunLost, RunStarted
from heliograph.bus.payloads import Outcome, RetryRequestedData, RunLostData
from heliograph.bus.run_state import Phase, RunState, SequenceSet
from run_events import Attempt, model

RUN = "shop/run-1"
ORDERS, CUSTOMERS, PAYMENTS = (model(name) for name in ("orders", "customers", "payments"))


def folded(events: Iterable[Event]) -> RunState:
    state = RunState(run=RUN)
    for event in events:
        state.apply(event)
    return state


@given(event_sets(RUN), st.data())
def test_the_state_depends_on_the_set_of_events_alone(events: list[Event], data: st.DataObject) -> None:
    """Invariant I3."""
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=10)) if events else []
    shuffled = data.draw(st.permutations([*events, *repeated]))

    assert folded(shuffled) == folded(events)


@given(event_sets(RUN))
def test_what_was_folded_in_changes_nothing_the_second_time(events: list[Event]) -> None:
    state = folded(events)

    assert not any(state.apply(event) for event in events)


@given(event_sets(RUN), event_sets("shop/run-2"))
def test_events_of_another_run_change_nothing(events: list[Event], others: list[Event]) -> None:
    state = folded(events)

    assert not any(state.apply(event) for event in others)
    assert state == folded(events)


@given(st.lists(st.integers(1, 40)))
def test_missing_sequences_are_those_never_seen(seen: list[int]) -> None:
    sequences = SequenceSet()
    for sequence in seen:
        sequences.add(sequence)

    assert sequences.missing() == sorted(set(range(1, max(seen, default=0) + 1)) - set(seen))
    assert sequences.missing(45) == sorted(set(range(1, 46)) - set(seen))


def test_memory_of_sequences_grows_with_gaps_alone() -> None:
    sequences = SequenceSet()
    for sequence in range(1, 10_001):
        assert sequences.add(sequence)

    assert sequences.contiguous == 10_000
    assert sequences.beyond == set()


def test_nothing_is_known_of_a_run_without_events() -> None:
    state = RunState(run=RUN)

    assert state.latest is None
    assert state.result(ORDERS.unique_id) is None


def test_an_attempt_goes_through_its_phases() -> None:
    attempt, state = Attempt(run=RUN), RunState(run=RUN)
    phases = []
    for event in (attempt.started(), attempt.planned(ORDERS), attempt.node(ORDERS), attempt.finished()):
        assert state.apply(event)
        assert state.latest is not None
        phases.append((state.latest.phase, state.latest.over))

    assert phases == [(Phase.STARTED, False), (Phase.PLANNED, False), (Phase.PLANNED, False), (Phase.FINISHED, True)]


def test_an_attempt_of_which_only_a_node_is_known_is_in_no_phase() -> None:
    latest = folded([Attempt(run=RUN, sequence=5).node(ORDERS)]).latest

    assert latest is not None
    assert latest.phase is Phase.UNKNOWN
    assert latest.missing == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("last_word", ["aborted", "finished"])
def test_what_the_producer_says_is_believed_before_what_others_found(last_word: str) -> None:
    attempt = Attempt(run=RUN)
    events = [attempt.started(), attempt.lost(), attempt.aborted() if last_word == "aborted" else attempt.finished()]

    for order in (events, events[::-1]):
        latest = folded(order).latest
        assert latest is not None
        assert latest.phase == Phase(last_word)
        assert latest.lost is not None


def test_a_lost_attempt_is_over_and_its_end_unknown() -> None:
    attempt = Attempt(run=RUN)
    latest = folded([attempt.started(), attempt.lost()]).latest

    assert latest is not None
    assert (latest.phase, latest.over, latest.last_sequence, latest.complete) == (Phase.LOST, True, None, False)


def test_an_attempt_is_complete_when_every_sequence_up_to_the_told_last_was_seen() -> None:
    events = Attempt(run=RUN).whole([ORDERS, CUSTOMERS])
    without_one = folded(event for event in events if event.sequence != 3).latest
    whole = folded(events).latest

    assert without_one is not None
    assert whole is not None
    assert (without_one.complete, without_one.missing) == (False, [3])
    assert (whole.complete, whole.missing, whole.last_sequence) == (True, [], len(events))


def test_the_plan_holds_every_planned_node() -> None:
    attempt = Attempt(run=RUN)
    latest = folded([attempt.planned(ORDERS, CUSTOMERS)]).latest

    assert latest is not None
    assert latest.plan == {ORDERS.unique_id: ORDERS, CUSTOMERS.unique_id: CUSTOMERS}


def test_outcomes_are_counted() -> None:
    events = Attempt(run=RUN).whole([ORDERS, CUSTOMERS, PAYMENTS], payments=Outcome.ERROR)
    latest = folded(events).latest

    assert latest is not None
    assert latest.counts() == {Outcome.SUCCESS: 2, Outcome.ERROR: 1}


def test_the_later_word_about_a_node_wins_in_any_order() -> None:
    attempt = Attempt(run=RUN)
    words = [attempt.node(ORDERS, Outcome.ERROR), attempt.node(ORDERS, Outcome.SUCCESS)]

    for order in (words, words[::-1]):
        result = folded(order).result(ORDERS.unique_id)
        assert result is not None
        assert result.outcome is Outcome.SUCCESS


def test_a_result_is_that_of_the_newest_attempt_in_which_the_node_ended() -> None:
    first, second = Attempt(run=RUN), Attempt(run=RUN, attempt=2)
    state = folded(
        [
            *first.whole([ORDERS, CUSTOMERS], customers=Outcome.ERROR),
            second.started(),
            second.node(CUSTOMERS, Outcome.WARN),
        ]
    )

    outcomes = {node.name: state.result(node.unique_id) for node in (ORDERS, CUSTOMERS, PAYMENTS)}
    assert {name: result and result.outcome for name, result in outcomes.items()} == {
        "orders": Outcome.SUCCESS,
        "customers": Outcome.WARN,
        "payments": None,
    }
    assert state.latest is not None
    assert state.latest.attempt == 2


def test_retry_requests_belong_to_the_run_and_open_no_attempt() -> None:
    request = RetryRequested(
        id=f"{RUN}#1.retry.a", source="/test", run=RUN, attempt=1, sequence=0, data=RetryRequestedData(nodes=("n",))
    )
    state = folded([request, request])

    assert state.retries == {request.id: request}
    assert state.attempts == {}


def loss(noticed_by: str, *, heard_up_to: int | None) -> RunLost:
    return RunLost(
        id=f"{RUN}#1.run.lost.{noticed_by}",
        source="/test",
        run=RUN,
        attempt=1,
        sequence=0,
        data=RunLostData(reason="silence", noticed_by=noticed_by, heard_up_to=heard_up_to),
    )


@given(st.permutations(["deaf", "late", "producer"]))
def test_a_loss_holds_until_the_producer_said_more_than_any_finder_had_heard(order: list[str]) -> None:
    run = Attempt(run=RUN)
    told = {
        "deaf": loss("deaf", heard_up_to=1),
        "late": loss("late", heard_up_to=2),
        "producer": run.planned(ORDERS),
    }
    events = [Attempt(run=RUN).started(), *(told[name] for name in order)]
    assert folded(events).attempts[1].phase is Phase.LOST
    refuted = folded([*events, *(run.heartbeat() for _ in range(2))])
    assert refuted.attempts[1].phase is not Phase.LOST


@given(st.permutations(range(4)))
def test_what_was_told_before_everything_was_run_anew_counts_no_longer(order: list[int]) -> None:
    second = Attempt(run=RUN, attempt=2)
    started = second.started()
    assert isinstance(started, RunStarted)
    fresh = started.model_copy(update={"data": started.data.model_copy(update={"fresh": True})})
    first = Attempt(run=RUN).whole([ORDERS])
    events = [first[0], first[2], fresh, second.planned(ORDERS)]
    state = folded(events[index] for index in order)
    assert state.counting_from == 2
    assert state.result(ORDERS.unique_id) is None
