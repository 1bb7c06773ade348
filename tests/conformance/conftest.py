from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bus_fixtures import RealLog, open_real_log


@pytest.fixture
async def log(bus_url: str) -> AsyncIterator[RealLog]:
    """An event log on an empty bus."""
    log = open_real_log(bus_url)
    yield log
    log.close()
    await log.aclose()


@pytest.fixture
async def another_log(bus_url: str) -> AsyncIterator[RealLog]:
    """A second object on the same bus, as another process has one."""
    log = open_real_log(bus_url)
    yield log
    log.close()
    await log.aclose()
