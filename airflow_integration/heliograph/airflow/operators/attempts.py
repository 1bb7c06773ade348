"""Which attempt of a run a task's try is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from heliograph.airflow.bus import resolve_bus_url
from heliograph.bus.events import RetryRequested, outside_event_id
from heliograph.bus.log import EventLog
from heliograph.bus.open import open_log
from heliograph.bus.payloads import RetryRequestedData

if TYPE_CHECKING:
    from airflow.sdk import Context


def next_attempt(run: str, context: Context, *, first: bool) -> int:
    """The number of the attempt that this try of the task may publish under.

    ``first``: the task is the producer in its first try, which is attempt 1 without asking. Every other one writes a
    ``retry.requested`` event and takes its place among them: the log's order gives each a number of its own, so that
    two tasks retried at the same moment never publish under the same attempt.
    """
    if first:
        return 1
    ti = context["ti"]
    request = RetryRequested(
        id=outside_event_id(run=run, attempt=1, what="retry.requested", key=f"{ti.task_id}.{ti.try_number}"),
        source="/airflow",
        run=run,
        attempt=1,
        sequence=0,
        data=RetryRequestedData(nodes=(), requested_by=ti.task_id),
    )
    log = open_log(resolve_bus_url())
    try:
        log.append([request])
    finally:
        log.close()
    return 2 + asyncio.run(_place(log, run, request.id))


async def _place(log: EventLog, run: str, request_id: str) -> int:
    requests: dict[str, None] = {}
    try:
        async for recorded in log.read(run):
            if isinstance(recorded.event, RetryRequested):
                requests.setdefault(recorded.event.id)
    finally:
        await log.aclose()
    return list(requests).index(request_id)
