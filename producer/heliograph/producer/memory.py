"""The resident memory of dbt and all it started, sampled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from heliograph.bus.payloads import MemoryPeak

try:
    import psutil
except ImportError:  # an image that holds dbt and the bus only
    psutil = None  # type: ignore[assignment]  # its absence is what None says

_log = logging.getLogger(__name__)


def resident_below(pid: int) -> int | None:
    """Bytes of resident memory of all descendants of ``pid``; None where there are none or none may be read.

    Pages that several of them share count for each.
    """
    found = None
    try:
        descendants = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return None
    for process in descendants:
        try:
            found = (found or 0) + process.memory_info().rss
        except psutil.Error:
            continue  # it ended meanwhile, or belongs to somebody else
    return found


class MemorySampler:
    """Samples from a thread of its own as long as the context is open. Never raises: without figures there are none.

    Args:
        guard: the process whose descendants count, as soon as there is one.
        running: the nodes that run now.
        interval_s: seconds between two samples; None samples nothing.
    """

    def __init__(
        self, guard: Callable[[], int | None], *, running: Callable[[], tuple[str, ...]], interval_s: float | None
    ) -> None:
        self._guard = guard
        self._running = running
        self._interval_s = interval_s if psutil is not None else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heliograph-memory", daemon=True)
        self.rss_bytes: int | None = None
        """The newest sample."""
        self.peak: MemoryPeak | None = None
        """The highest sample, and the nodes that ran then."""

    def __enter__(self) -> Self:
        if self._interval_s is not None:
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._interval_s):
                self._sample()
        except Exception:  # noqa: BLE001  # figures are an extra: nothing the system answers may fail the run
            _log.debug("Memory is no longer sampled", exc_info=True)

    def _sample(self) -> None:
        pid = self._guard()
        self.rss_bytes = resident_below(pid) if pid is not None else None
        if self.rss_bytes is not None and (self.peak is None or self.rss_bytes > self.peak.rss_bytes):
            self.peak = MemoryPeak(rss_bytes=self.rss_bytes, running=self._running())
