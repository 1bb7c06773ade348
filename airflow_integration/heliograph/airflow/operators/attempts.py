"""Which attempt of a run a task's try is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Final

from heliograph.airflow.bus import resolve_bus_url
from heliograph.bus.errors import BusUnavailable
from heliograph.bus.events import RetryRequested, outside_event_id
from heliograph.bus.log import EventLog
from heliograph.bus.open import open_log
from heliograph.bus.payloads import RetryRequestedData

if TYPE_CHECKING:
    from airflow.sdk import Context

_READ_LIMIT_S: Final = 60.0


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
    return 2 + asyncio.run(_place(log, request, since=context["dag_run"].run_after))


async def _place(log: EventLog, request: RetryRequested, *, since: datetime) -> int:
    """How many other requests of the run stand before this one in the log."""
    earlier: dict[str, None] = {}
    try:
        async with asyncio.timeout(_READ_LIMIT_S), aclosing(log.follow(request.run, since=since)) as events:
            async for recorded in events:
                if recorded.event.id == request.id:
                    break
                if isinstance(recorded.event, RetryRequested):
                    earlier.setdefault(recorded.event.id)
    except TimeoutError:
        raise BusUnavailable(
            f"The event log took a request and did not give it back within {_READ_LIMIT_S:g} s",
            setting="[heliograph] bus_url",
            fix="look whether the bus is up and this user may read it, then retry the task",
        ) from None
    finally:
        await log.aclose()
    return len(earlier)
