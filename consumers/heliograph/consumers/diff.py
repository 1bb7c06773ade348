"""What differs between two runs: nodes, outcomes, durations, plan, compiled SQL, messages. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode
from heliograph.bus.run_state import RunState

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change(Generic[T]):
    """One thing about a node that is not the same in both runs; None where a run does not tell it."""

    unique_id: str
    left: T | None
    right: T | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DurationChange:
    """How long dbt took for a node in each run, in seconds."""

    unique_id: str
    left_s: float
    right_s: float

    @property
    def change_s(self) -> float:
        """Positive where the right run took longer."""
        return self.right_s - self.left_s

    @property
    def ratio(self) -> float | None:
        """Right by left; None where the left run took no time."""
        return self.right_s / self.left_s if self.left_s > 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanChange:
    """What dbt planned differently for a node that both runs have.

    Attributes:
        parents_left, parents_right: the direct parents that only one run has.
        materialized: where that changed, both values.
    """

    unique_id: str
    parents_left: tuple[str, ...]
    parents_right: tuple[str, ...]
    materialized: tuple[str | None, str | None] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SqlChange:
    """A node whose compiled SQL differs, and how: the lines of a unified diff."""

    unique_id: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDiff:
    """What differs between two runs, of each node the newest report that counts.

    Attributes:
        left, right: the runs' keys.
        only_left, only_right: nodes that only one run planned or reported.
        outcomes: None is a node without an end.
        durations: those that changed by the threshold or more, the largest change first.
    """

    left: str
    right: str
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    outcomes: tuple[Change[Outcome], ...]
    durations: tuple[DurationChange, ...]
    plan: tuple[PlanChange, ...]
    sql: tuple[SqlChange, ...]
    messages: tuple[Change[str], ...]

    @property
    def same_outcomes(self) -> bool:
        """Both runs have the same nodes, and each ended alike."""
        return not (self.only_left or self.only_right or self.outcomes)


def compare(left: RunState, right: RunState, *, threshold_s: float = 0.0) -> RunDiff:
    """What differs; ``threshold_s``: changes of duration that are smaller are left out."""
    before, after = _Nodes(left), _Nodes(right)
    both = [unique_id for unique_id in before.ids if unique_id in after.ids]
    reported = [
        (unique_id, before.reports[unique_id], after.reports[unique_id])
        for unique_id in both
        if unique_id in before.reports and unique_id in after.reports
    ]
    return RunDiff(
        left=left.run,
        right=right.run,
        only_left=tuple(unique_id for unique_id in before.ids if unique_id not in after.ids),
        only_right=tuple(unique_id for unique_id in after.ids if unique_id not in before.ids),
        outcomes=tuple(
            Change(unique_id=unique_id, left=before.outcome(unique_id), right=after.outcome(unique_id))
            for unique_id in both
            if before.outcome(unique_id) != after.outcome(unique_id)
        ),
        durations=_durations(reported, threshold_s),
        plan=tuple(_plan_changes(before.plan, after.plan)),
        sql=tuple(_sql_changes(reported)),
        messages=tuple(
            Change(unique_id=unique_id, left=one.message, right=other.message)
            for unique_id, one, other in reported
            if one.message != other.message
        ),
    )


class _Nodes:
    """A run's nodes in the plan's order: what was planned, and what was reported, the newest that counts."""

    def __init__(self, state: RunState) -> None:
        self.plan: dict[str, PlannedNode] = {}
        self.reports: dict[str, NodeFinishedData] = {}
        for number in sorted(n for n in state.attempts if n >= state.counting_from):
            attempt = state.attempts[number]
            self.plan |= attempt.plan
            self.reports |= {unique_id: event.data for unique_id, event in attempt.nodes_finished.items()}
        self.ids = dict.fromkeys([*self.plan, *self.reports])

    def outcome(self, unique_id: str) -> Outcome | None:
        report = self.reports.get(unique_id)
        return report.outcome if report is not None else None


_Reported = list[tuple[str, NodeFinishedData, NodeFinishedData]]


def _durations(reported: _Reported, threshold_s: float) -> tuple[DurationChange, ...]:
    changes = [
        DurationChange(unique_id=unique_id, left_s=left.execution_time_s, right_s=right.execution_time_s)
        for unique_id, left, right in reported
        if left.execution_time_s is not None and right.execution_time_s is not None
    ]
    large = (change for change in changes if change.change_s and abs(change.change_s) >= threshold_s)
    return tuple(sorted(large, key=lambda change: (-abs(change.change_s), change.unique_id)))


def _plan_changes(left: dict[str, PlannedNode], right: dict[str, PlannedNode]) -> Iterator[PlanChange]:
    for unique_id, one in left.items():
        other = right.get(unique_id)
        if other is None:
            continue
        materialized = (one.materialized, other.materialized)
        gone = tuple(sorted(set(one.depends_on) - set(other.depends_on)))
        new = tuple(sorted(set(other.depends_on) - set(one.depends_on)))
        if gone or new or one.materialized != other.materialized:
            yield PlanChange(
                unique_id=unique_id,
                parents_left=gone,
                parents_right=new,
                materialized=materialized if one.materialized != other.materialized else None,
            )


def _sql_changes(reported: _Reported) -> Iterator[SqlChange]:
    for unique_id, left, right in reported:
        one, other = left.compiled_sql, right.compiled_sql
        if one is not None and other is not None and one != other:
            lines = difflib.unified_diff(one.splitlines(), other.splitlines(), "left", "right", lineterm="")
            yield SqlChange(unique_id=unique_id, lines=tuple(lines))
