"""Ending dbt on request: first politely, so that it cancels its queries, then for good."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable
from typing import Final, Self

_STEPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Stopping:
    """Waits for a request to stop, in a thread of its own.

    ``request`` only puts into a queue that allows it even inside a signal handler. A second request, or ``grace_s``
    seconds without an end, brings the next, harder signal.
    """

    def __init__(self, send: Callable[[int], None], *, grace_s: float) -> None:
        self._send = send
        self._grace_s = grace_s
        self._requests: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="heliograph-stopping", daemon=True)
        self.reason: str | None = None
        """Why dbt was told to stop; None while it was not."""

    def request(self, reason: str) -> None:
        """Asks for the end. Safe in any thread and in a signal handler."""
        if self.reason is None:
            self.reason = reason
        self._requests.put(reason)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._requests.put(None)
        self._thread.join()

    def _run(self) -> None:
        if self._requests.get() is None:
            return
        for signum in _STEPS:
            self._send(signum)
            try:
                if self._requests.get(timeout=self._grace_s) is None:
                    return
            except queue.Empty:
                continue
