"""dbt's status words -> how a node ended, why it was skipped and what a test found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from heliograph.bus.payloads import Outcome, SkipReason, TestOutcome

TEST_TYPES: Final = frozenset({"test", "unit_test"})

# NodeStatus (dbt/artifacts/schemas/results.py). Freshness shares the words pass, warn, error and runtime error.
_OUTCOMES: Final = {
    "success": Outcome.SUCCESS,
    "pass": Outcome.SUCCESS,
    "passed": Outcome.SUCCESS,
    "warn": Outcome.WARN,
    "error": Outcome.ERROR,
    "runtime error": Outcome.ERROR,
    # Some batches of a microbatch model failed; dbt counts that as a failure and skips what comes after.
    "partial success": Outcome.ERROR,
    "fail": Outcome.FAIL,
    "failed": Outcome.FAIL,
    "skipped": Outcome.SKIPPED,
    "no-op": Outcome.NO_OP,
}
_TESTS: Final = {
    Outcome.SUCCESS: TestOutcome.PASS,
    Outcome.WARN: TestOutcome.WARN,
    Outcome.FAIL: TestOutcome.FAIL,
    Outcome.ERROR: TestOutcome.ERROR,
}
BAD: Final = frozenset({Outcome.ERROR, Outcome.FAIL, Outcome.SKIPPED, Outcome.CANCELLED})
"""Outcomes for which `dbt build` skips what depends on the node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How a node ended, kept apart as the contract wants it."""

    outcome: Outcome
    skip_reason: SkipReason | None = None
    test_outcome: TestOutcome | None = None


def verdict(
    status: str, *, resource_type: str, message: str | None, skipped_because: SkipReason = SkipReason.UPSTREAM_FAILED
) -> Verdict:
    """The meaning of ``status``. A word nobody knows is an error: never a success.

    ``skipped_because``: the reason of a skip whose message names none.
    """
    outcome = _OUTCOMES.get(status.strip().lower(), Outcome.ERROR)
    skip_reason = None
    if outcome is Outcome.SKIPPED:
        fail_fast = "fail_fast" in (message or "").lower().replace("-", "_")
        skip_reason = SkipReason.FAIL_FAST if fail_fast else skipped_because
    return Verdict(
        outcome=outcome,
        skip_reason=skip_reason,
        test_outcome=_TESTS.get(outcome) if resource_type in TEST_TYPES else None,
    )
