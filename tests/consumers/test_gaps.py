from __future__ import annotations

import time

import pytest

from heliograph.bus.run_state import RunState
from heliograph.consumers.gaps import describe_gap, has_gap
from run_events import Attempt, model


@pytest.mark.parametrize(
    ("seen", "described"),
    [
        ([1, 2, 4, 5], "3"),
        ([1, 5], "2-4"),
        ([5], "1-4"),
        ([2, 4, 5], "1, 3"),
    ],
)
def test_a_gap_is_described_by_its_ranges(seen: list[int], described: str) -> None:
    state = RunState(run="shop/run-1")
    for event in Attempt().whole([model("a"), model("b")]):
        if event.sequence in seen:
            state.apply(event)
    assert has_gap(state.attempts[1])
    assert describe_gap(state.attempts[1]) == described


def test_a_description_stays_short_and_cheap_however_much_is_missing() -> None:
    state, run = RunState(run="shop/run-1"), Attempt()
    for _ in range(1000):
        run.sequence += 1
        state.apply(run.heartbeat())
    run.sequence = 10**15
    state.apply(run.finished())
    before = time.process_time()
    described = describe_gap(state.attempts[1])
    assert time.process_time() - before < 0.1
    assert described.startswith("1, 3, 5")
    assert described.endswith("and 991 more ranges")
