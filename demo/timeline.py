"""A table of a run's nodes: when each began, how long it took, and a bar on the run's time axis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.table import Table
from rich.text import Text

from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import AttemptState, RunState

_WIDTH: Final = 22
_NAME_WIDTH: Final = 26
_STYLES: Final = {Outcome.SUCCESS: "green", Outcome.WARN: "yellow"}


@dataclass(frozen=True, kw_only=True, order=True)
class _Span:
    start: datetime
    end: datetime
    name: str
    outcome: Outcome


def timeline(state: RunState) -> Table:
    """The newest attempt's nodes in the order they began. Times count in seconds from the first node's start."""
    table = Table(title="What dbt did, from the bus; seconds", title_justify="left", box=None)
    table.add_column("node", no_wrap=True, overflow="ellipsis", max_width=_NAME_WIDTH)
    table.add_column("outcome", no_wrap=True)
    table.add_column("start", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_WIDTH)
    spans = sorted(_spans(state.latest)) if state.latest is not None else []
    if not spans:
        return table
    first, last = spans[0].start, max(span.end for span in spans)
    for span in spans:
        table.add_row(
            span.name,
            span.outcome.value,
            f"{(span.start - first).total_seconds():.2f}",
            f"{(span.end - span.start).total_seconds():.2f}",
            Text(_bar(span, first, last), style=_STYLES.get(span.outcome, "red")),
        )
    return table


def _spans(attempt: AttemptState) -> list[_Span]:
    spans = []
    for unique_id, finished in attempt.nodes_finished.items():
        took = timedelta(seconds=finished.data.execution_time_s or 0)
        started = attempt.nodes_started.get(unique_id)
        start = (started.data.started_at or started.time) if started is not None else finished.time - took
        spans.append(_Span(start=start, end=start + took, name=finished.data.name, outcome=finished.data.outcome))
    return spans


def _bar(span: _Span, first: datetime, last: datetime) -> str:
    whole = max((last - first).total_seconds(), 1e-6)
    before = int((span.start - first).total_seconds() / whole * _WIDTH)
    length = max(1, round((span.end - span.start).total_seconds() / whole * _WIDTH))
    return " " * min(before, _WIDTH - 1) + "█" * length
