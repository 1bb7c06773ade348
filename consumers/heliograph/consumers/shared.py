"""One hub for each log and event loop of a process, so that any number of triggers use one connection."""

from __future__ import annotations

import asyncio

from heliograph.bus.open import open_log
from heliograph.consumers.hub import Hub

# By loop, as a hub's tasks belong to one.
_hubs: dict[asyncio.AbstractEventLoop, dict[str, Hub]] = {}


def hub_for(url: str) -> Hub:
    """The hub of the running event loop on the log at ``url``; made at the first call.

    Raises:
        UnknownBusScheme: no event log serves the URL's scheme.
        RuntimeError: no event loop runs.
    """
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for closed in [known for known in _hubs if known.is_closed()]:
            del _hubs[closed]
        _hubs[loop] = {}
    hub = _hubs[loop].get(url)
    if hub is None:
        hub = _hubs[loop][url] = Hub(open_log(url))
    return hub


async def aclose_all() -> None:
    """Closes every hub of the running event loop."""
    for hub in _hubs.pop(asyncio.get_running_loop(), {}).values():
        await hub.aclose()
