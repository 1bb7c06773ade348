"""The demo's figures must not be better than the run was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from demo.figures import measure, tasks_by_node
from heliograph.bus.events import NodeFinished, RunPlanned
from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode, RunPlannedData
from heliograph.bus.run_state import RunState
from local_servers.airflow_client import DagRun, TaskInstance

PLAN = (
    PlannedNode(unique_id="seed.shop.raw", resource_type="seed", name="raw"),
    PlannedNode(unique_id="model.shop.orders", resource_type="model", name="orders", depends_on=("seed.shop.raw",)),
    PlannedNode(unique_id="test.shop.t.1", resource_type="test", name="t", depends_on=("model.shop.orders",)),
)
TASKS = ("raw_seed", "orders.run", "orders.test")


class RecordedAirflow:
    """Answers as an Airflow in which the run went as given."""

    def __init__(self, *, states: dict[str, str] | None = None, starts: tuple[str, ...] = ()) -> None:
        self.states = dict.fromkeys(TASKS, "success") | (states or {})
        self.starts = starts

    def task_instances(self, run: DagRun) -> list[TaskInstance]:
        return [
            TaskInstance.model_validate(
                {"task_id": name, "state": state, "try_number": 1, "start_date": "2026-01-01T00:00:00Z", "hostname": ""}
            )
            for name, state in self.states.items()
        ]

    def worker_starts(self, run: DagRun) -> list[str]:
        return ["dbt_producer_watcher", *self.starts]


def _run(state: str = "success") -> DagRun:
    return DagRun(
        dag_id="shop",
        run_id="r",
        state=state,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        end_date=datetime(2026, 1, 1, 0, 0, 9, 500_000, tzinfo=UTC),
    )


def _state(*, unreported: str = "") -> RunState:
    state = RunState(run="shop//r")
    envelope = {"source": "/dbt/shop/dev", "run": "shop//r", "attempt": 1}
    state.apply(RunPlanned(id="plan", sequence=1, data=RunPlannedData(nodes=PLAN), **envelope))
    for sequence, node in enumerate(PLAN, 2):
        if node.unique_id != unreported:
            data = NodeFinishedData(outcome=Outcome.SUCCESS, resource_type=node.resource_type, name=node.name)
            state.apply(NodeFinished(id=node.name, sequence=sequence, subject=node.unique_id, data=data, **envelope))
    return state


def test_a_clean_run_counts_every_node_and_no_slot() -> None:
    figures = measure(RecordedAirflow(), _run(), _state())
    assert figures.problems == ()
    assert figures.line(bus="sqlite") == (
        "demo: 3 nodes, 3 resolved by events, 0 worker slots used for waiting, bus sqlite, 9.5 s"
    )


def test_a_task_that_took_a_worker_is_counted_as_a_slot_and_not_as_resolved() -> None:
    figures = measure(RecordedAirflow(starts=("orders.run",)), _run(), _state())
    assert (figures.resolved, figures.waiting_slots) == (2, 1)
    assert "orders.run took a worker slot" in figures.problems


def test_a_node_without_an_event_is_not_resolved_even_where_its_task_is_green() -> None:
    figures = measure(RecordedAirflow(), _run(), _state(unreported="model.shop.orders"))
    assert figures.resolved == 2
    assert figures.problems == ("model.shop.orders was not resolved by an event",)


@pytest.mark.parametrize("state", ["failed", "upstream_failed", "skipped"])
def test_a_task_that_is_not_green_does_not_count(state: str) -> None:
    figures = measure(RecordedAirflow(states={"orders.test": state}), _run("failed"), _state())
    assert figures.resolved == 2
    assert figures.problems[0] == "the DAG run ended as failed"


def test_a_run_without_a_plan_is_a_problem() -> None:
    assert measure(RecordedAirflow(), _run(), RunState(run="shop//r")).problems == ("no run.planned on the bus",)


def test_a_test_is_reported_by_the_test_tasks_of_all_its_planned_parents() -> None:
    other = PlannedNode(unique_id="model.shop.customers", resource_type="model", name="customers")
    test = PlannedNode(
        unique_id="test.shop.r.1",
        resource_type="test",
        name="r",
        depends_on=("model.shop.orders", "model.shop.customers", "model.shop.unselected"),
    )
    tasks = tasks_by_node({node.unique_id: node for node in (*PLAN, other, test)})
    assert tasks["test.shop.r.1"] == ["orders.test", "customers.test"]
    assert tasks["model.shop.customers"] == ["customers.run"]
