"""What a task is told: its end, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from heliograph.bus.payloads import NodeFinishedData, Outcome, SkipReason

_LINE_LIMIT = 300


class End(StrEnum):
    """How a task ends."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How a task ends, and why.

    Attributes:
        end: the task's end.
        reason: why, one line for people.
        outcome: dbt's own outcome; None where dbt reported none.
        attempt: the attempt the verdict rests on, where it rests on one.
        message: dbt's own words, possibly several lines.
        warnings: what dbt warned of; one entry a test where the verdict is on tests.
        node: the whole report, where the verdict is on one node that has one.
    """

    end: End
    reason: str
    outcome: Outcome | None = None
    attempt: int | None = None
    message: str | None = None
    warnings: tuple[str, ...] = ()
    node: NodeFinishedData | None = None


def verdict_on(node: NodeFinishedData, *, attempt: int) -> Verdict:
    """What dbt's report of a node means for its task."""
    end, reason = _end_of(node)
    warned = node.outcome is Outcome.WARN
    return Verdict(
        end=end,
        reason=reason,
        outcome=node.outcome,
        attempt=attempt,
        message=node.message,
        warnings=(one_line(node.message) or "dbt gave no message",) if warned else (),
        node=node,
    )


def one_line(text: str | None) -> str:
    """The text in one line of bounded length."""
    line = " ".join((text or "").split())
    return line if len(line) <= _LINE_LIMIT else line[: _LINE_LIMIT - 3] + "..."


def with_message(sentence: str, message: str | None) -> str:
    """The sentence, and what dbt said behind a colon where it said something."""
    line = one_line(message)
    return f"{sentence}: {line}" if line else sentence


def _end_of(node: NodeFinishedData) -> tuple[End, str]:
    match node.outcome:
        case Outcome.SUCCESS:
            return End.SUCCESS, "dbt reported success"
        case Outcome.WARN:
            return End.SUCCESS, with_message("dbt reported success with a warning", node.message)
        case Outcome.NO_OP:
            return End.SUCCESS, "dbt had nothing to do for it"
        case Outcome.ERROR:
            return End.FAILED, with_message("dbt reported an error", node.message)
        case Outcome.FAIL:
            return End.FAILED, with_message("dbt reported a failed test", node.message)
        case Outcome.CANCELLED:
            return End.FAILED, with_message("dbt cancelled it", node.message)
        case Outcome.SKIPPED:
            return _skipped(node)
        case unknown:
            assert_never(unknown)


def _skipped(node: NodeFinishedData) -> tuple[End, str]:
    # A leaf that is skipped because of a failure must not end green or skipped: the DAG run would be a success.
    match node.skip_reason:
        case SkipReason.STALE_SOURCE:
            sources = ", ".join(node.caused_by)
            return End.SKIPPED, f"skipped by dbt: stale source {sources}" if sources else "skipped by dbt: stale source"
        case SkipReason.UPSTREAM_FAILED:
            parents = ", ".join(node.caused_by)
            return End.FAILED, f"skipped by dbt: upstream {parents} failed" if parents else with_message(
                "skipped by dbt: an upstream node failed", node.message
            )
        case SkipReason.FAIL_FAST:
            return End.FAILED, "skipped by dbt: another node failed and --fail-fast was set"
        case SkipReason.OTHER | None:
            causes = f": {', '.join(node.caused_by)} failed" if node.caused_by else ""
            return End.FAILED, with_message(f"skipped by dbt{causes}", node.message)
        case unknown:
            assert_never(unknown)
