"""Which Airflow queue a task is given.

An explicit ``queue`` of the task goes before a setting, a setting before the DAG's ``default_args``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heliograph.airflow import settings
from heliograph.airflow.versions import STARTS_FROM_TRIGGER


def producer_queue(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments to add to the producer's."""
    queue = settings.producer_queue()
    return {} if "queue" in arguments or queue is None else {"queue": queue}


def sensor_queues(arguments: Mapping[str, Any], *, visits_worker: bool) -> dict[str, Any]:
    """The keyword arguments to add to a sensor's.

    ``visits_worker``: in its first try too, for a callback or an asset event. A sensor that does not, only ever is on a
    worker in a retry, so the retry queue is its queue from the start.
    """
    if "queue" in arguments:
        return {}
    consumer, retry = settings.consumer_queue(), settings.retry_queue()
    if retry is None:
        return {} if consumer is None else {"queue": consumer}
    if STARTS_FROM_TRIGGER and not visits_worker:
        return {"queue": retry}
    return {"retry_queue": retry, **({} if consumer is None else {"queue": consumer})}
