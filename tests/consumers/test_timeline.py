from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.console import Console

from heliograph.bus.events import Event
from heliograph.bus.payloads import Interval, Outcome, SkipReason
from heliograph.bus.run_state import RunState
from heliograph.consumers.timeline import Row, longest, render, rows
from run_events import Attempt, model

BEGIN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
A, B, C = model("a"), model("b"), model("[red]c")


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def folded(*events: Event) -> RunState:
    state = RunState(run="shop/run-1")
    for event in events:
        state.apply(event)
    return state


def row(name: str, *, start: float, duration_s: float | None = 1.0, outcome: Outcome | None = Outcome.SUCCESS) -> Row:
    return Row(
        attempt=1,
        unique_id=f"model.shop.{name}",
        name=name,
        start=at(start),
        duration_s=duration_s,
        outcome=outcome,
        thread="Thread-1",
    )


def printed(*found: Row) -> list[str]:
    console = Console(width=140, record=True, color_system=None)
    with console.capture() as capture:
        console.print(render(found, width=10))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_row_tells_when_a_node_ran_for_how_long_and_where() -> None:
    run = Attempt()
    state = folded(
        run.node_started(B, started_at=at(2), thread="Thread-2"),
        run.node_started(A, started_at=at(1), thread="Thread-1"),
        run.node(A, execution_time_s=0.5, thread="Thread-1"),
    )
    assert [(r.name, r.start, r.duration_s, r.outcome, r.thread) for r in rows(state)] == [
        ("a", at(1), 0.5, Outcome.SUCCESS, "Thread-1"),
        ("b", at(2), None, None, "Thread-2"),
    ]


def test_what_dbt_timed_stands_in_for_a_start_that_was_not_seen() -> None:
    run = Attempt()
    execute = Interval(started_at=at(3), completed_at=at(5))
    assert [(r.start, r.duration_s) for r in rows(folded(run.node(A, execute=execute)))] == [(at(3), 2.0)]


def test_a_skipped_node_took_no_time() -> None:
    run = Attempt()
    skipped = run.node(A, Outcome.SKIPPED, skip_reason=SkipReason.UPSTREAM_FAILED)
    assert [(r.start, r.duration_s) for r in rows(folded(skipped))] == [(skipped.time, 0.0)]


def test_a_node_that_ran_in_two_attempts_has_two_rows() -> None:
    state = folded(*Attempt().whole([A], a=Outcome.ERROR), *Attempt(attempt=2).whole([A]))
    assert [(r.attempt, r.outcome) for r in rows(state)] == [(1, Outcome.ERROR), (2, Outcome.SUCCESS)]
    assert [line.split()[:3] for line in printed(*rows(state))[1:]] == [
        ["a", "(attempt", "1)"],
        ["a", "(attempt", "2)"],
    ]


def test_bars_stand_where_their_node_ran() -> None:
    lines = printed(row("a", start=0, duration_s=5), row("b", start=5, duration_s=5))
    assert lines[1].endswith("5.00  ━━━━━")
    assert lines[2].endswith("5.00       ━━━━━")


def test_the_shortest_node_and_the_one_without_duration_still_show() -> None:
    lines = printed(
        row("a", start=0, duration_s=1000),
        row("b", start=1000, duration_s=0.001),
        row("c", start=3, duration_s=0.0, outcome=Outcome.SKIPPED),
        row("d", start=3, duration_s=None, outcome=None),
    )
    assert lines[2].count("━") == 1
    assert lines[3].count("·") == 1
    assert "running" in lines[4]


def test_names_are_never_read_as_markup() -> None:
    assert "[red]c" in printed(row("[red]c", start=0))[1]


def test_no_rows_are_no_error() -> None:
    assert len(printed()) <= 1


def test_of_very_many_rows_the_longest_are_kept_in_their_order() -> None:
    found = [row(f"m{i}", start=i, duration_s=float(i % 7)) for i in range(100)]
    kept = longest(found, 14)
    assert {r.duration_s for r in kept} == {6.0}
    assert [r.start for r in kept] == sorted(r.start for r in kept)
