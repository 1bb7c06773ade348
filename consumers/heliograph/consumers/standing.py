"""How one node stands over the attempts of a run.

Invariant I1: success comes only from the node's own positive terminal event.
"""

from __future__ import annotations

from collections.abc import Iterator

from heliograph.bus.run_state import AttemptState, RunState
from heliograph.consumers.attempts import begun
from heliograph.consumers.gaps import gap_is_open, has_gap
from heliograph.consumers.verdict import End, Verdict, verdict_on, with_message

NOT_SELECTED = (
    "dbt did not select it: the DAG was rendered from another selection or project version than the producer ran"
)


def newest_first(state: RunState, attempt_from: int) -> Iterator[AttemptState]:
    """The attempts that count, from ``attempt_from`` on, of which there is something to say, the newest first."""
    oldest = max(attempt_from, state.counting_from)
    for number in sorted((n for n in state.attempts if n >= oldest), reverse=True):
        attempt = state.attempts[number]
        if begun(attempt) or attempt.over:
            yield attempt


def open_end(attempt: AttemptState) -> bool:
    """Reports may still come: the attempt is not over, or events of it are missing and not given up."""
    return not attempt.over or gap_is_open(attempt)


def node_verdict(state: RunState, unique_id: str, *, attempt_from: int = 1) -> Verdict | None:
    """The verdict on the node, or None while there is none.

    The newest attempt that reports the node counts. A newer one that is open and will report it is waited for;
    one that has not planned yet may, so only a success is not held back by it.
    """
    may_report = not_selected = False
    ended: Verdict | None = None
    for attempt in newest_first(state, attempt_from):
        result = attempt.result(unique_id)
        if result is not None:
            verdict = verdict_on(result, attempt=attempt.attempt)
            return None if may_report and verdict.end is not End.SUCCESS else verdict
        if attempt.planned is not None and unique_id not in attempt.plan:
            not_selected = True
        elif not open_end(attempt):
            ended = ended or ended_without_report(attempt)
        elif attempt.planned is not None:
            return None
        else:
            may_report = True
    if may_report:
        return None
    return ended or (Verdict(end=End.FAILED, reason=NOT_SELECTED) if not_selected else None)


def ended_without_report(attempt: AttemptState) -> Verdict:
    """The verdict on a node that the attempt, which is over, did not report."""
    message = None
    if has_gap(attempt) and attempt.lost is not None:
        reason = attempt.lost.data.reason
    elif attempt.finished is not None:
        message = attempt.finished.data.message
        told = "without reporting it" if attempt.planned is not None else "before it selected any node"
        reason = with_message(f"dbt ended {told} (exit code {attempt.finished.data.exit_code})", message)
    elif attempt.aborted is not None:
        reason = with_message("the run was aborted before dbt reported it", attempt.aborted.data.reason)
    else:
        lost = attempt.lost.data.reason if attempt.lost is not None else None
        reason = with_message("the producer was lost before dbt reported it", lost)
    return Verdict(end=End.FAILED, reason=reason, attempt=attempt.attempt, message=message)
