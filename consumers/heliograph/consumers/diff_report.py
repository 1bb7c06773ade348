"""A difference of two runs as tables for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.bus.payloads import Outcome
from heliograph.consumers.diff import PlanChange, RunDiff
from heliograph.consumers.timeline import STYLES
from heliograph.consumers.verdict import one_line

_ADDED, _GONE = "green", "red"


def as_json(diff: RunDiff) -> dict[str, Any]:
    """The difference as plain data; durations with their change and ratio."""
    durations = [asdict(change) | {"change_s": change.change_s, "ratio": change.ratio} for change in diff.durations]
    return asdict(diff) | {"durations": durations, "same_outcomes": diff.same_outcomes}


def print_diff(diff: RunDiff, console: Console, *, sql: bool) -> None:
    """Prints what differs; ``sql``: with the lines of compiled SQL that do."""
    console.print(f"left   {diff.left}", markup=False, soft_wrap=True)
    console.print(f"right  {diff.right}", markup=False, soft_wrap=True)
    _print_nodes(diff, console)
    _print_table(
        console,
        "Outcomes",
        ("node", "left", "right"),
        ((Text(c.unique_id), _outcome(c.left), _outcome(c.right)) for c in diff.outcomes),
    )
    _print_table(
        console,
        "Durations",
        ("node", "left s", "right s", "change s", "ratio"),
        (
            tuple(
                map(Text, (c.unique_id, f"{c.left_s:.2f}", f"{c.right_s:.2f}", f"{c.change_s:+.2f}", _ratio(c.ratio)))
            )
            for c in diff.durations
        ),
        numbers=True,
    )
    _print_table(console, "Plan", ("node", "change"), ((Text(c.unique_id), _plan(c)) for c in diff.plan))
    _print_sql(diff, console, whole=sql)
    _print_table(
        console,
        "Messages",
        ("node", "left", "right"),
        ((Text(c.unique_id), Text(one_line(c.left)), Text(one_line(c.right))) for c in diff.messages),
    )
    console.print()
    if diff.same_outcomes:
        console.print("Same nodes, same outcomes.", style="bold green")
    else:
        console.print("Nodes or outcomes differ.", style="bold red")


def _print_nodes(diff: RunDiff, console: Console) -> None:
    for side, nodes, style in (("left", diff.only_left, _GONE), ("right", diff.only_right, _ADDED)):
        _print_table(console, f"Only in the {side} run", ("node",), ((Text(node, style=style),) for node in nodes))


def _print_sql(diff: RunDiff, console: Console, *, whole: bool) -> None:
    changed = ((Text(c.unique_id), Text(f"{_changed(c.lines)} lines")) for c in diff.sql)
    _print_table(console, "Compiled SQL", ("node", "changed"), changed)
    if not whole:
        return
    for change in diff.sql:
        console.print()
        console.print(change.unique_id, style="bold", markup=False)
        for line in change.lines:
            style = _ADDED if line.startswith("+") else _GONE if line.startswith("-") else ""
            console.print(Text(line, style=style), soft_wrap=True)


def _changed(lines: Iterable[str]) -> int:
    return sum(line.startswith(("+", "-")) and not line.startswith(("+++", "---")) for line in lines)


def _print_table(
    console: Console, title: str, headings: tuple[str, ...], rows: Iterable[tuple[Text, ...]], *, numbers: bool = False
) -> None:
    found = list(rows)
    if not found:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", justify="right" if numbers and at else "left")
    for row in found:
        table.add_row(*row)
    console.print()
    console.print(f"{title}: {len(found)}", style="bold")
    console.print(table)


def _outcome(outcome: Outcome | None) -> Text:
    return Text(outcome or "no end", style=STYLES[outcome])


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"x{ratio:.2f}"


def _plan(change: PlanChange) -> Text:
    parts = [Text(f"-{parent}", style=_GONE) for parent in change.parents_left]
    parts += [Text(f"+{parent}", style=_ADDED) for parent in change.parents_right]
    if change.materialized is not None:
        left, right = change.materialized
        parts.append(Text(f"{left or 'nothing'} -> {right or 'nothing'}"))
    return Text(", ").join(parts)
