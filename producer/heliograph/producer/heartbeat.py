"""The sign of life of a producer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Heartbeat:
    """Calls ``beat`` every ``interval_s`` seconds from a thread of its own, as long as the context is open."""

    def __init__(self, beat: Callable[[], None], *, interval_s: float) -> None:
        self._beat = beat
        self._interval_s = interval_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heliograph-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._beat()
