"""Which attempts of a run there are, and questions about them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from heliograph.bus.run_state import AttemptState, Phase, RunState
from heliograph.consumers.gaps import gap_is_open


def begun(attempt: AttemptState) -> bool:
    """The producer itself was heard in this attempt."""
    return bool(attempt.sequences.contiguous or attempt.sequences.beyond)


def newest_begun(state: RunState) -> AttemptState | None:
    """The newest attempt in which the producer was heard."""
    numbers = [number for number, attempt in state.attempts.items() if begun(attempt)]
    return state.attempts[max(numbers)] if numbers else None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAttempt:
    """The newest attempt that began: its number, 0 where none did, and whether it is over."""

    number: int
    over: bool


@dataclass(frozen=True, slots=True)
class NewestAttempt:
    """Which is the newest attempt that began? Answered at once, as soon as the log's past is read."""

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None."""
        return ()

    def decide(self, state: RunState) -> KnownAttempt:
        """What is known now."""
        newest = newest_begun(state)
        return KnownAttempt(number=newest.attempt, over=newest.over) if newest else KnownAttempt(number=0, over=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptOver:
    """Has this attempt ended, and in which phase?"""

    number: int

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None: only run-level events end an attempt."""
        return ()

    def decide(self, state: RunState) -> Phase | None:
        """The phase in which it ended, or None while it goes on."""
        attempt = state.attempts.get(self.number)
        return attempt.phase if attempt is not None and attempt.over else None


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptAfter:
    """Which is the first attempt after number ``after`` that begins? 0 when one is told to be lost before."""

    after: int

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None: only run-level events begin an attempt."""
        return ()

    def decide(self, state: RunState) -> int | None:
        """Its number, or None while it has not begun."""
        later = sorted(number for number in state.attempts if number > self.after)
        begun_ones = [number for number in later if begun(state.attempts[number])]
        if begun_ones:
            return begun_ones[0]
        return 0 if any(state.attempts[number].over for number in later) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class AllOverBefore:
    """The run's state, once every attempt that began before number ``number`` is over and all told of it arrived.

    ``claim``: the id of the claim of that number. What stands before it in the log was read once it was read.
    """

    number: int
    claim: str

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None: only run-level events end an attempt."""
        return ()

    def decide(self, state: RunState) -> RunState | None:
        """The state, or None while an attempt goes on."""
        if self.claim not in state.claims:
            return None
        earlier = (attempt for number, attempt in state.attempts.items() if number < self.number)
        return None if any(begun(one) and (not one.over or gap_is_open(one)) for one in earlier) else state


@dataclass(frozen=True, kw_only=True, slots=True)
class AllBegun:
    """Has every one of these attempts begun?"""

    numbers: frozenset[int]

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None: only run-level events begin an attempt."""
        return ()

    def decide(self, state: RunState) -> bool | None:
        """True, or None while one has not begun."""
        known = {number for number, attempt in state.attempts.items() if begun(attempt)}
        return True if self.numbers <= known else None
