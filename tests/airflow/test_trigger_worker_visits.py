"""When a trigger sends its task to a worker, what it leaves out, what it logs, and how it runs in ``dag.test()``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TaskFailedEvent, TaskSuccessEvent, TriggerEvent

from heliograph.airflow.triggers import NodeTrigger
from heliograph.airflow.waiting_task import WaitingTask
from heliograph.bus.events import Event
from heliograph.bus.open import open_log
from heliograph.bus.payloads import Outcome
from heliograph.consumers import shared
from heliograph.consumers.shared import aclose_all
from run_events import Attempt, check, model

RUN = "shop_dag//manual__1"
ORDERS, REPORT = model("orders"), model("report")
OWN = check("not_null_orders_id", ORDERS.unique_id)
BOTH = check("orders_and_report", ORDERS.unique_id, REPORT.unique_id)
NODES = [ORDERS, REPORT, OWN, BOTH]


@dataclass
class TaskOfTry:
    """What a trigger sees of its task."""

    try_number: int = 1
    dag_id: str = "shop_dag"
    run_id: str = "manual__1"
    task_id: str = "orders.test"


@pytest.fixture
async def bus_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__BUS_URL", url)
    yield url
    await aclose_all()


def publish(url: str, events: Iterable[Event]) -> None:
    log = open_log(url)
    log.append(list(events))
    log.close()


def trigger(**more: Any) -> NodeTrigger:
    given = {"unique_id": ORDERS.unique_id, "producer_task_id": "dbt_producer_watcher", "tests": True, **more}
    return NodeTrigger(**given)


async def first(made: NodeTrigger, *, task: TaskOfTry | None) -> TriggerEvent:
    made._task_instance = task
    async with asyncio.timeout(20):
        return await anext(aiter(made.run()))


async def test_a_test_task_does_not_count_a_test_that_has_a_task_of_its_own(bus_url: str) -> None:
    publish(bus_url, Attempt(run=RUN).whole(NODES, orders_and_report=Outcome.FAIL))

    assert isinstance(await first(trigger(), task=TaskOfTry()), TaskFailedEvent)
    without = trigger(except_tests=[BOTH.unique_id])
    assert isinstance(await first(without, task=TaskOfTry()), TaskSuccessEvent)
    detached = trigger(unique_id=BOTH.unique_id, tests=False)
    assert isinstance(await first(detached, task=TaskOfTry()), TaskFailedEvent)


async def test_a_warning_goes_to_a_worker_only_where_a_callback_waits(bus_url: str) -> None:
    attempt = Attempt(run=RUN)
    warned = attempt.node(OWN, Outcome.WARN, message="Got 3 results, configured to warn if != 0")
    publish(bus_url, [attempt.started(), attempt.planned(ORDERS, OWN), attempt.node(ORDERS), warned])

    assert isinstance(await first(trigger(), task=TaskOfTry()), TaskSuccessEvent)
    event = await first(trigger(resume_on=["warning"]), task=TaskOfTry())
    assert event.payload["warned"] == [["not_null_orders_id", "Got 3 results, configured to warn if != 0"]]


async def test_the_tasks_log_is_the_nodes(bus_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = Attempt(run=RUN)
    built = attempt.node(ORDERS, lines=("1 of 1 OK created sql table model main.orders",), compiled_sql="select 1")
    publish(bus_url, [attempt.started(), attempt.planned(ORDERS), built])

    await first(trigger(tests=False), task=TaskOfTry())

    logged = capsys.readouterr().out
    assert "1 of 1 OK created sql table model main.orders" in logged
    assert "compiled SQL:\n  select 1" in logged
    assert "/runs/manual__1/tasks/dbt_producer_watcher" in logged


async def test_in_dag_test_the_task_comes_with_the_trigger_and_its_hub_goes_with_it(bus_url: str) -> None:
    publish(bus_url, Attempt(run=RUN).whole(NODES))
    waiting = WaitingTask(dag_id="shop_dag", run_id="manual__1", task_id="orders.test", try_number=1)
    made = trigger(of_task=waiting.stored())
    events = made.run()

    assert isinstance(await anext(aiter(events)), TaskSuccessEvent)
    await events.aclose()  # type: ignore[attr-defined]  # declared as an iterator, is a generator

    assert asyncio.get_running_loop() not in shared._hubs


def test_everything_survives_serialisation() -> None:
    waiting = WaitingTask(dag_id="shop_dag", run_id="manual__1", task_id="orders.test", try_number=1)
    made = trigger(except_tests=["test.shop.t"], resume_on=["warning"], of_task=waiting.stored())
    path, kwargs = made.serialize()

    assert NodeTrigger(**kwargs).serialize() == (path, kwargs)
