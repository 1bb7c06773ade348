from __future__ import annotations

from heliograph.bus.run_state import Phase, RunState
from heliograph.consumers.attempts import AttemptOver, KnownAttempt, NewestAttempt
from run_events import Attempt, model


def test_the_newest_attempt_is_the_newest_in_which_the_producer_was_heard() -> None:
    state = RunState(run="shop/run-1")
    assert NewestAttempt().decide(state) == KnownAttempt(number=0, over=False)
    first = Attempt()
    state.apply(first.started())
    state.apply(Attempt(attempt=2).cancel())
    assert NewestAttempt().decide(state) == KnownAttempt(number=1, over=False)
    state.apply(first.finished())
    assert NewestAttempt().decide(state) == KnownAttempt(number=1, over=True)
    state.apply(Attempt(attempt=2).started())
    assert NewestAttempt().decide(state) == KnownAttempt(number=2, over=False)


def test_an_attempt_is_over_when_its_producer_or_someone_else_says_so() -> None:
    state, run = RunState(run="shop/run-1"), Attempt()
    over = AttemptOver(number=1)
    assert over.decide(state) is None
    for event in [run.started(), run.planned(model("orders"))]:
        state.apply(event)
    assert over.decide(state) is None
    state.apply(run.lost())
    assert over.decide(state) is Phase.LOST
    state.apply(run.finished())
    assert over.decide(state) is Phase.FINISHED
