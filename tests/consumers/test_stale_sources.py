"""The recorded run with a stale, a warned and a fresh source: what the tasks of its nodes are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heliograph.bus.events import decode
from heliograph.bus.payloads import Outcome, PlannedNode, SkipReason
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import NodeQuestion, TestsQuestion
from heliograph.consumers.retry_plan import blockers, retry_set
from heliograph.consumers.run_end import RunOver
from heliograph.consumers.verdict import End, Verdict
from run_events import Attempt, check, model

LOG = Path(__file__).parents[1] / "fixtures" / "event_logs" / "stale_sources.jsonl"
STALE, WARNED, FRESH = (f"source.market.raw.{name}" for name in ("orders", "customers", "prices"))


@pytest.fixture(scope="module")
def state() -> RunState:
    events = [event for line in LOG.read_bytes().splitlines() if (event := decode(line)) is not None]
    state = RunState(run=events[0].run)
    for event in events:
        state.apply(event)
    return state


def verdict(state: RunState, unique_id: str) -> Verdict:
    found = NodeQuestion(unique_id).decide(state)
    assert found is not None
    return found


def test_the_sources_tasks_end_as_dbt_found_them(state: RunState) -> None:
    assert verdict(state, STALE).end is End.FAILED
    assert "The newest row is 30.0 hours old, more than 1 day" in verdict(state, STALE).reason
    assert verdict(state, WARNED).end is End.SUCCESS
    assert verdict(state, WARNED).warnings == ("The newest row is 15.0 hours old, more than 12 hours",)
    assert verdict(state, FRESH).end is End.SUCCESS


@pytest.mark.parametrize(
    ("name", "causes"),
    [("stg_orders", {STALE}), ("by_day", {STALE}), ("stg_customers", {WARNED}), ("everyone", {STALE, WARNED})],
)
def test_what_depends_on_stale_sources_alone_is_skipped_and_says_why(
    state: RunState, name: str, causes: set[str]
) -> None:
    found = verdict(state, f"model.market.{name}")
    assert (found.end, found.outcome) == (End.SKIPPED, Outcome.SKIPPED)
    assert found.node is not None
    assert set(found.node.caused_by) == causes
    assert all(cause in found.reason for cause in causes)


def test_tests_of_what_was_not_built_are_skipped(state: RunState) -> None:
    found = TestsQuestion("model.market.stg_orders").decide(state)
    assert found is not None
    assert found.end is End.SKIPPED


@pytest.mark.parametrize("name", ["stg_prices", "priced_orders", "stg_countries"])
def test_what_has_something_new_to_build_from_is_built(state: RunState, name: str) -> None:
    assert verdict(state, f"model.market.{name}").end is End.SUCCESS


def test_neither_a_stale_source_nor_what_was_left_out_for_it_holds_a_retry_back() -> None:
    stale = PlannedNode(unique_id=STALE, resource_type="source", name="orders")
    old, new, after = model("old", STALE), model("new"), model("after", "model.shop.old", "model.shop.new", STALE)
    tested, below = check("unique_old", old.unique_id), model("below", after.unique_id)
    left_out: dict[str, Any] = {"skip_reason": SkipReason.STALE_SOURCE, "caused_by": (STALE,)}
    run = Attempt()
    state = RunState(run=run.run)
    for event in (
        run.started(),
        run.planned(stale, old, new, after, tested, below),
        run.node(stale, Outcome.ERROR),
        run.node(old, Outcome.SKIPPED, **left_out),
        run.node(tested, Outcome.SKIPPED, **left_out),
        run.node(new),
        run.node(after, Outcome.ERROR),
        run.node(below, Outcome.SKIPPED, skip_reason=SkipReason.UPSTREAM_FAILED, caused_by=(after.unique_id,)),
        run.finished(1),
    ):
        state.apply(event)
    assert retry_set(state, {after.unique_id}) == frozenset({after.unique_id, below.unique_id})
    assert blockers(state, [after.unique_id]) == ()


def test_stale_sources_alone_fail_no_run(state: RunState) -> None:
    end = RunOver().decide(state)
    assert end is not None
    assert end.exit_code == 0
