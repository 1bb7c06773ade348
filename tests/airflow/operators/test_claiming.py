"""A worker's claims, on a real SQLite log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from heliograph.airflow.operators.claiming import claim
from heliograph.bus.open import open_log
from heliograph.bus.payloads import Outcome
from heliograph.consumers.decision import question_about
from heliograph.consumers.node_try import NodeTask
from run_events import Attempt, model

RUN = "shop//manual__1"
ORDERS = model("orders")


@dataclass
class TaskOfTry:
    task_id: str = "orders_run"
    try_number: int = 2


@dataclass
class DagRun:
    run_after: datetime = datetime(2026, 1, 1, tzinfo=UTC)


def context() -> Any:
    return {"ti": TaskOfTry(), "dag_run": DagRun()}


@pytest.fixture(autouse=True)
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__BUS_URL", url)
    return url


def test_each_claim_is_the_next_attempt_and_knows_all_before(bus: str) -> None:
    log = open_log(bus)
    log.append(Attempt(run=RUN).whole([ORDERS], orders=Outcome.ERROR))

    second = claim(RUN, context())
    log.append(Attempt(run=RUN, attempt=2).whole([ORDERS]))
    third = claim(RUN, context())
    log.close()

    assert (second.attempt, third.attempt) == (2, 3)
    assert second.state.attempts.keys() == {1}
    result = third.state.result(ORDERS.unique_id)
    assert result is not None
    assert result.outcome is Outcome.SUCCESS


def test_a_request_is_in_the_log_before_the_claim_counts(bus: str) -> None:
    task = NodeTask(question=question_about(ORDERS.unique_id, tests=False), task_id="orders_run", try_number=2)

    claimed = claim(RUN, context(), request=task.request(RUN))

    assert list(claimed.state.retries) == [task.request(RUN).id]
