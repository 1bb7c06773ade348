"""What differs between two runs."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from rich.console import Console

from heliograph.bus.payloads import Outcome, PlannedNode
from heliograph.bus.run_state import RunState
from heliograph.consumers.diff import Change, DurationChange, PlanChange, RunDiff, compare
from heliograph.consumers.diff_report import as_json, print_diff
from run_events import Attempt, model

ORDERS = model("orders", "model.shop.raw")
ITEMS = model("items")


def run(
    name: str, *nodes: PlannedNode, attempt: int = 1, state: RunState | None = None, **ends: dict[str, Any]
) -> RunState:
    """A run of the nodes; ``ends`` by name: what is told of each, success where nothing is."""
    state = state or RunState(run=name)
    made = Attempt(run=name, attempt=attempt)
    events = [made.started(), made.planned(*nodes)]
    events += [made.node(node, **ends.get(node.name, {})) for node in nodes]
    for event in [*events, made.finished()]:
        state.apply(event)
    return state


def printed(diff: RunDiff, *, sql: bool = False) -> str:
    out = StringIO()
    print_diff(diff, Console(file=out, width=200, color_system=None), sql=sql)
    return out.getvalue()


def test_equal_runs_do_not_differ() -> None:
    diff = compare(run("a", ORDERS, ITEMS), run("b", ORDERS, ITEMS))
    assert diff.same_outcomes
    assert printed(diff).split("\n\n")[1:] == ["Same nodes, same outcomes.\n"]


def test_nodes_of_one_run_only_are_told_by_side() -> None:
    diff = compare(run("a", ORDERS), run("b", ITEMS))
    assert (diff.only_left, diff.only_right) == ((ORDERS.unique_id,), (ITEMS.unique_id,))
    assert not diff.same_outcomes
    assert "Only in the left run: 1\nnode             \nmodel.shop.orders" in printed(diff)


def test_outcomes_and_messages_that_changed_are_told() -> None:
    failed = {"outcome": Outcome.ERROR, "message": "no such\n table"}
    diff = compare(run("a", ORDERS), run("b", ORDERS, orders=failed))
    assert diff.outcomes == (Change(unique_id=ORDERS.unique_id, left=Outcome.SUCCESS, right=Outcome.ERROR),)
    assert diff.messages == (Change(unique_id=ORDERS.unique_id, left=None, right="no such\n table"),)
    assert not diff.same_outcomes
    assert "model.shop.orders  success  error" in printed(diff)
    assert "no such table" in printed(diff)


def test_a_node_without_an_end_differs_from_one_with_an_end() -> None:
    left, made = RunState(run="a"), Attempt(run="a")
    for event in (made.started(), made.planned(ORDERS)):
        left.apply(event)
    diff = compare(left, run("b", ORDERS))
    assert diff.outcomes == (Change(unique_id=ORDERS.unique_id, left=None, right=Outcome.SUCCESS),)
    assert "no end" in printed(diff)


def test_durations_are_sorted_by_the_largest_change_and_small_ones_are_left_out() -> None:
    nodes = [model(name) for name in ("a", "b", "c", "d")]
    times = {"a": (1.0, 1.4), "b": (10.0, 2.0), "c": (0.0, 3.0), "d": (5.0, 5.0)}
    left, right = (
        run(name, *nodes, **{node: {"execution_time_s": both[at]} for node, both in times.items()})  # type: ignore[arg-type]  # mypy cannot see that no node has the name of another argument
        for at, name in enumerate(("l", "r"))
    )
    diff = compare(left, right, threshold_s=0.5)
    assert diff.durations == (
        DurationChange(unique_id="model.shop.b", left_s=10.0, right_s=2.0),
        DurationChange(unique_id="model.shop.c", left_s=0.0, right_s=3.0),
    )
    assert [change.ratio for change in diff.durations] == [0.2, None]
    assert [change.unique_id for change in compare(left, right).durations] == [
        f"model.shop.{name}" for name in ("b", "c", "a")
    ]
    assert diff.same_outcomes
    assert "10.00     2.00     -8.00  x0.20" in printed(diff)


def test_edges_and_materialization_that_changed_are_told() -> None:
    left = ORDERS.model_copy(update={"materialized": "view", "depends_on": ("model.shop.raw", "model.shop.both")})
    right = ORDERS.model_copy(update={"materialized": "table", "depends_on": ("model.shop.both", "seed.shop.new")})
    diff = compare(run("a", left), run("b", right))
    assert diff.plan == (
        PlanChange(
            unique_id=ORDERS.unique_id,
            parents_left=("model.shop.raw",),
            parents_right=("seed.shop.new",),
            materialized=("view", "table"),
        ),
    )
    assert diff.same_outcomes
    assert "-model.shop.raw, +seed.shop.new, view -> table" in printed(diff)


def test_compiled_sql_that_changed_is_named_and_shown_where_asked_for() -> None:
    left = run("a", ORDERS, ITEMS, orders={"compiled_sql": "select 1\nfrom a"}, items={"compiled_sql": "select 1"})
    right = run("b", ORDERS, ITEMS, orders={"compiled_sql": "select 2\nfrom a"})
    diff = compare(left, right)
    assert [change.unique_id for change in diff.sql] == [ORDERS.unique_id]
    assert "model.shop.orders  2 lines" in printed(diff)
    assert "+select 2" not in printed(diff)
    assert "-select 1\n+select 2\n from a\n" in printed(diff, sql=True)


def test_the_newest_report_of_each_node_is_compared() -> None:
    left = run("a", ORDERS, ITEMS, orders={"outcome": Outcome.ERROR})
    assert compare(run("a", ORDERS, attempt=2, state=left), run("b", ORDERS, ITEMS)).same_outcomes


def test_json_holds_all_of_it() -> None:
    left = run("a", ORDERS, orders={"execution_time_s": 1.0, "compiled_sql": "select 1"})
    right = run("b", ORDERS, orders={"execution_time_s": 2.0, "compiled_sql": "select 2", "outcome": Outcome.ERROR})
    plain = json.loads(json.dumps(as_json(compare(left, right))))
    assert plain["same_outcomes"] is False
    assert plain["outcomes"] == [{"unique_id": ORDERS.unique_id, "left": "success", "right": "error"}]
    assert plain["durations"] == [
        {"unique_id": ORDERS.unique_id, "left_s": 1.0, "right_s": 2.0, "change_s": 1.0, "ratio": 2.0}
    ]
    assert "+select 2" in plain["sql"][0]["lines"]
