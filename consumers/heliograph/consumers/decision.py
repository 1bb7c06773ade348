"""The questions that tasks ask about a run, answered purely from its state.

Used by Airflow's triggers while a run goes on, and by replay on recorded runs: the same answer from the same events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import RunState
from heliograph.consumers.standing import NOT_SELECTED, ended_without_report, newest_first, node_verdict, open_end
from heliograph.consumers.verdict import End, Verdict

__all__ = ["End", "NodeQuestion", "TestsQuestion", "Verdict"]

_SHOWN_TESTS = 10


@dataclass(frozen=True, slots=True)
class NodeQuestion:
    """How did this node end, in attempt ``attempt_from`` or a later one?"""

    unique_id: str
    attempt_from: int = 1

    def subjects(self, state: RunState) -> Collection[str]:  # noqa: ARG002  # part of the waiter's contract
        """The node itself."""
        return (self.unique_id,)

    def decide(self, state: RunState) -> Verdict | None:
        """The verdict, or None while there is none."""
        return node_verdict(state, self.unique_id, attempt_from=self.attempt_from)


@dataclass(frozen=True, slots=True)
class TestsQuestion:
    """How did all planned tests of this node end, in attempt ``attempt_from`` or a later one?

    ``without``: unique ids of tests that do not count here, as other tasks report them.
    """

    __test__ = False  # not a pytest class

    unique_id: str
    attempt_from: int = 1
    without: frozenset[str] = frozenset()

    def subjects(self, state: RunState) -> Collection[str]:
        """The planned tests of the node."""
        return self._tests(state)

    def decide(self, state: RunState) -> Verdict | None:
        """The verdict, or None while a test may still be reported."""
        tests = self._tests(state)
        if not tests:
            return self._without_tests(state)
        verdicts: dict[str, Verdict] = {}
        for unique_id in tests:
            verdict = node_verdict(state, unique_id, attempt_from=self.attempt_from)
            if verdict is None:
                return None
            verdicts[unique_id] = verdict
        return _over_all(verdicts)

    def _tests(self, state: RunState) -> list[str]:
        """The tests that any attempt in question planned, each once."""
        return list(
            dict.fromkeys(
                unique_id
                for attempt in newest_first(state, self.attempt_from)
                for unique_id in attempt.tests_of.get(self.unique_id, ())
                if unique_id not in self.without
            )
        )

    def _without_tests(self, state: RunState) -> Verdict | None:
        verdict: Verdict | None = None
        for attempt in newest_first(state, self.attempt_from):
            if attempt.planned is None:
                if open_end(attempt):
                    return None
                verdict = verdict or ended_without_report(attempt)
            elif self.unique_id in attempt.plan:
                return Verdict(end=End.SKIPPED, reason="dbt selected no test of it", attempt=attempt.attempt)
            else:
                verdict = verdict or Verdict(end=End.FAILED, reason=NOT_SELECTED)
        return verdict


def question_about(unique_id: str, *, tests: bool, without: Iterable[str] = ()) -> NodeQuestion | TestsQuestion:
    """How the node ended, or how its tests did, but for those ``without``."""
    return TestsQuestion(unique_id, without=frozenset(without)) if tests else NodeQuestion(unique_id)


def _over_all(verdicts: dict[str, Verdict]) -> Verdict:
    """One verdict over all of a node's tests, given by unique id."""
    attempts = [verdict.attempt for verdict in verdicts.values() if verdict.attempt is not None]
    warnings = _lines(
        (unique_id, verdict, text) for unique_id, verdict in verdicts.items() for text in verdict.warnings
    )
    end, reason, deciding = _deciding(verdicts, warned=len(warnings))
    messages = _lines((unique_id, verdict, verdict.message) for unique_id, verdict in deciding.items())
    return Verdict(
        end=end,
        reason=reason,
        outcome=_gravest(deciding),
        attempt=max(attempts, default=None),
        message="\n".join(messages[:_SHOWN_TESTS]) or None,
        warnings=warnings,
    )


def _deciding(verdicts: dict[str, Verdict], *, warned: int) -> tuple[End, str, dict[str, Verdict]]:
    """The end, its reason, and the verdicts that brought it about."""
    failed = {unique_id: verdict for unique_id, verdict in verdicts.items() if verdict.end is End.FAILED}
    own = {unique_id: verdict for unique_id, verdict in failed.items() if verdict.outcome in _TEST_FAILURES}
    skipped = {unique_id: verdict for unique_id, verdict in verdicts.items() if verdict.end is End.SKIPPED}
    if own:
        return End.FAILED, f"{len(own)} of {len(verdicts)} tests failed: {_names(own)}", own
    for end, some in ((End.FAILED, failed), (End.SKIPPED, skipped)):
        if some:
            reason = next(iter(some.values())).reason
            return end, f"{len(some)} of {len(verdicts)} tests gave no result: {reason}", some
    passed = f"{len(verdicts)} of {len(verdicts)} tests passed"
    return End.SUCCESS, f"{passed}, {warned} with a warning" if warned else passed, verdicts


def _name(unique_id: str, verdict: Verdict) -> str:
    return verdict.node.name if verdict.node is not None else unique_id


def _names(verdicts: dict[str, Verdict]) -> str:
    names = [_name(unique_id, verdict) for unique_id, verdict in list(verdicts.items())[:_SHOWN_TESTS]]
    more = len(verdicts) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _lines(told: Iterable[tuple[str, Verdict, str | None]]) -> tuple[str, ...]:
    return tuple(f"{_name(unique_id, verdict)}: {text}" for unique_id, verdict, text in told if text)


_TEST_FAILURES = frozenset({Outcome.FAIL, Outcome.ERROR})
_GRAVITY = (
    Outcome.ERROR,
    Outcome.FAIL,
    Outcome.CANCELLED,
    Outcome.SKIPPED,
    Outcome.WARN,
    Outcome.SUCCESS,
    Outcome.NO_OP,
)


def _gravest(verdicts: dict[str, Verdict]) -> Outcome | None:
    outcomes = {verdict.outcome for verdict in verdicts.values()}
    return next((outcome for outcome in _GRAVITY if outcome in outcomes), None)
