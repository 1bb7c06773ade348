"""Triggers on a real SQLite log; only Airflow's answer about the producer task is made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from heliograph.airflow.triggers import NodeTrigger
from heliograph.bus.events import Event, encode
from heliograph.bus.open import open_log
from heliograph.bus.payloads import Outcome, SkipReason
from heliograph.consumers.hub import Hub
from heliograph.consumers.shared import aclose_all
from run_events import Attempt, check, model

RUN = "shop_dag//manual__1"
ORDERS = model("orders")
REPORT = model("report", ORDERS.unique_id)
ORDERS_TEST = check("not_null_orders_id", ORDERS.unique_id)


@dataclass
class TaskOfTry:
    """What a trigger sees of its task."""

    try_number: int = 1
    dag_id: str = "shop_dag"
    run_id: str = "manual__1"
    task_id: str = "orders_run"


@dataclass
class Producer:
    """The producer task's state and XCom, as Airflow would tell them; ``asked`` is called whenever it is."""

    state: str | None = "running"
    announced: int | None = 1
    asked: Callable[[], None] = lambda: None


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.sdk.execution_time.xcom import XCom

    producer = Producer()

    def states(dag_id: str, task_ids: list[str], task_group_id: None, run_ids: list[str]) -> dict[str, Any]:
        producer.asked()
        return {run_ids[0]: {task_ids[0]: producer.state}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
    monkeypatch.setattr(XCom, "get_one", lambda **_: producer.announced)
    return producer


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


def trigger(*, unique_id: str = ORDERS.unique_id, tests: bool = False, try_number: int = 1) -> NodeTrigger:
    made = NodeTrigger(unique_id=unique_id, producer_task_id="dbt_producer_watcher", tests=tests)
    made._task_instance = TaskOfTry(try_number=try_number)
    return made


async def first(made: NodeTrigger) -> TriggerEvent:
    async with asyncio.timeout(20):
        return await anext(aiter(made.run()))


async def test_a_node_that_succeeded_ends_its_task_with_success(bus_url: str, producer: Producer) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS]))

    assert isinstance(await first(trigger()), TaskSuccessEvent)


async def test_a_task_that_waits_already_is_ended_by_an_event_that_comes_later(
    bus_url: str, producer: Producer
) -> None:
    attempt = Attempt(run=RUN)
    publish(bus_url, [attempt.started(), attempt.planned(ORDERS)])
    waiting = asyncio.ensure_future(first(trigger()))
    publish(bus_url, [attempt.node(ORDERS)])

    assert isinstance(await waiting, TaskSuccessEvent)


async def test_an_error_fails_the_task(bus_url: str, producer: Producer) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS], orders=Outcome.ERROR))

    assert isinstance(await first(trigger()), TaskFailedEvent)


async def test_a_node_skipped_for_a_stale_source_skips_its_task(bus_url: str, producer: Producer) -> None:
    attempt = Attempt(run=RUN)
    skipped = attempt.node(ORDERS, Outcome.SKIPPED, skip_reason=SkipReason.STALE_SOURCE)
    publish(bus_url, [attempt.started(), attempt.planned(ORDERS), skipped])

    assert isinstance(await first(trigger()), TaskSkippedEvent)


async def test_a_failed_test_fails_the_test_task_and_not_the_nodes_own(bus_url: str, producer: Producer) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS, ORDERS_TEST], not_null_orders_id=Outcome.FAIL))

    assert isinstance(await first(trigger()), TaskSuccessEvent)
    assert isinstance(await first(trigger(tests=True)), TaskFailedEvent)


async def test_a_producer_that_failed_before_its_first_event_fails_the_waiting_task(
    bus_url: str, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.consumers.shared.Hub", partial(Hub, lease_check_interval_s=0.05))
    producer.state = "upstream_failed"

    assert isinstance(await first(trigger()), TaskFailedEvent)


async def test_events_of_a_newer_version_go_to_a_worker_with_the_fix(bus_url: str, producer: Producer) -> None:
    event = Attempt(run=RUN).started()
    publish(bus_url, [event])
    _rewrite_as_version_2(bus_url, event)

    event_ = await first(trigger())

    assert not isinstance(event_, (TaskSuccessEvent, TaskFailedEvent))
    assert "upgrade the heliograph package" in event_.payload["failed"]


async def test_a_retried_task_whose_node_succeeded_ends_without_a_worker(bus_url: str, producer: Producer) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS]))
    producer.state = "success"

    assert isinstance(await first(trigger(try_number=2)), TaskSuccessEvent)


async def test_nothing_is_green_from_before_a_producer_that_was_cleared_and_ended_at_once(
    bus_url: str, producer: Producer
) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS]))
    producer.state = "failed"
    producer.announced = None

    assert isinstance(await first(trigger(try_number=2)), TaskFailedEvent)


async def test_a_retried_task_whose_node_failed_goes_to_a_worker_to_run_it(bus_url: str, producer: Producer) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS], orders=Outcome.ERROR))
    producer.state = "failed"

    assert (await first(trigger(try_number=2))).payload == {"run": True}


async def test_a_retried_task_waits_for_the_attempt_of_a_producer_that_runs_again(
    bus_url: str, producer: Producer
) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS]))
    second = Attempt(run=RUN, attempt=2).whole([ORDERS], orders=Outcome.ERROR)
    producer.state = "queued"

    def begins() -> None:
        publish(bus_url, second)
        producer.state = "running"

    producer.asked = lambda: begins() if producer.state == "queued" else setattr(producer, "state", "failed")

    assert isinstance(await first(trigger(try_number=2)), TaskFailedEvent)


async def test_a_retried_task_does_not_wait_for_a_producer_that_is_about_to_end(
    bus_url: str, producer: Producer
) -> None:
    publish(bus_url, Attempt(run=RUN).whole([ORDERS], orders=Outcome.ERROR))
    producer.asked = lambda: setattr(producer, "state", "failed")

    assert (await first(trigger(try_number=2))).payload == {"run": True}


async def test_a_retried_task_starts_nothing_while_dbt_still_runs(bus_url: str, producer: Producer) -> None:
    attempt = Attempt(run=RUN)
    publish(bus_url, [attempt.started(), attempt.planned(ORDERS, REPORT), attempt.node(ORDERS, Outcome.ERROR)])
    waiting = asyncio.ensure_future(first(trigger(try_number=2)))
    done, _ = await asyncio.wait([waiting], timeout=1)
    publish(bus_url, [attempt.node(REPORT, Outcome.SKIPPED), attempt.finished(1)])
    producer.state = "failed"

    assert not done
    assert (await waiting).payload == {"run": True}


def test_arguments_survive_serialisation() -> None:
    made = NodeTrigger(
        unique_id="model.a.b",
        producer_task_id="p",
        tests=True,
        group_id="g",
        since="2026-01-01T00:00:00Z",
        retries=2,
        producer_retries=1,
        parents=["a_run"],
        arguments="of its own",
    )
    path, kwargs = made.serialize()

    assert path == "heliograph.airflow.triggers.NodeTrigger"
    assert NodeTrigger(**kwargs).serialize() == (path, kwargs)


def _rewrite_as_version_2(url: str, event: Event) -> None:
    import sqlite3

    body = encode(event).replace(b"started.v1", b"started.v2")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        database.execute("update events set body = ?", (body,))
    database.close()
