from __future__ import annotations

from typing import Any

import pytest

from heliograph.airflow.rendering.queues import producer_queue, sensor_queues


@pytest.fixture
def set_queues(monkeypatch: pytest.MonkeyPatch) -> Any:
    def choose(**queues: str) -> None:
        for who, queue in queues.items():
            monkeypatch.setenv(f"AIRFLOW__HELIOGRAPH__{who.upper()}_QUEUE", queue)

    return choose


def test_without_settings_airflow_decides() -> None:
    assert producer_queue({}) == {}
    assert sensor_queues({}, visits_worker=False) == {}
    assert sensor_queues({}, visits_worker=True) == {}


def test_settings_give_producer_and_consumers_their_queues(set_queues: Any) -> None:
    set_queues(producer="dbt", consumer="light")

    assert producer_queue({}) == {"queue": "dbt"}
    assert sensor_queues({}, visits_worker=True) == {"queue": "light"}
    assert sensor_queues({}, visits_worker=False) == {"queue": "light"}


def test_an_explicit_queue_goes_before_every_setting(set_queues: Any) -> None:
    set_queues(producer="dbt", consumer="light", retry="retries")

    assert producer_queue({"queue": "mine"}) == {}
    assert sensor_queues({"queue": "mine"}, visits_worker=True) == {}
    assert sensor_queues({"queue": "mine"}, visits_worker=False) == {}


def test_a_sensor_that_is_on_a_worker_only_in_a_retry_has_the_retry_queue_from_its_start(set_queues: Any) -> None:
    set_queues(consumer="light", retry="retries")

    assert sensor_queues({}, visits_worker=False) == {"queue": "retries"}
    assert sensor_queues({}, visits_worker=True) == {"queue": "light", "retry_queue": "retries"}
