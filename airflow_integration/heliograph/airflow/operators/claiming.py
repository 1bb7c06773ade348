"""A worker's way to the next attempt of its run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from heliograph.airflow import settings
from heliograph.airflow.bus import resolve_bus_url
from heliograph.bus.events import RetryRequested
from heliograph.bus.open import open_log
from heliograph.consumers.claims import Claim, claim_attempt
from heliograph.consumers.hub import Hub

if TYPE_CHECKING:
    from airflow.sdk import Context


def claim(run: str, context: Context, *, request: RetryRequested | None = None) -> Claim:
    """Takes the run's next attempt; returns when no earlier one goes on.

    ``request``: what this task asks for, written before the claim where it was not.
    """
    return asyncio.run(_claim(run, context, request))


async def _claim(run: str, context: Context, request: RetryRequested | None) -> Claim:
    log = open_log(resolve_bus_url())
    hub = Hub(log)
    try:
        if request is not None:
            await hub.write(request)
        ti = context["ti"]
        return await claim_attempt(
            log,
            hub,
            run,
            claimed_by=f"{ti.task_id}, try {ti.try_number}",
            since=context["dag_run"].run_after,
            lease_s=settings.lease_s(),
        )
    finally:
        await hub.aclose()
        log.close()
