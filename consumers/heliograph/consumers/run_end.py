"""How a run ended, all in all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from heliograph.bus.run_state import AttemptState, Phase, RunState
from heliograph.consumers.attempts import newest_begun
from heliograph.consumers.gaps import gap_is_open


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnd:
    """The end of a run's newest attempt.

    Attributes:
        attempt: its number.
        phase: finished, aborted or lost.
        reason: why, where it was not finished or something is missing.
        exit_code: 0 where all went well, 1 where nodes failed, 2 where the run broke off or dbt could not work.
    """

    attempt: int
    phase: Phase
    reason: str | None
    exit_code: int


@dataclass(frozen=True, slots=True)
class RunOver:
    """Has the run's newest attempt ended, and how?"""

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """None: only run-level events end a run."""
        return ()

    def decide(self, state: RunState) -> RunEnd | None:
        """The end, or None while the run goes on or events of it may still arrive."""
        newest = newest_begun(state)
        return None if newest is None or gap_is_open(newest) else end_of(newest)


def end_of(attempt: AttemptState) -> RunEnd | None:
    """The attempt's end as it is told, whether or not all its events arrived; None where it goes on."""
    if not attempt.over:
        return None
    reason, code = None, 2
    if attempt.lost is not None:
        reason = attempt.lost.data.reason
    if attempt.finished is not None:
        reason = attempt.finished.data.message or reason
        code = attempt.finished.data.exit_code if attempt.finished.data.exit_code in (0, 1) else 2
    elif attempt.aborted is not None:
        reason = attempt.aborted.data.reason
    return RunEnd(attempt=attempt.attempt, phase=attempt.phase, reason=reason, exit_code=code)
