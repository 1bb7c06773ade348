"""An event loop whose clock jumps to the next timer: minutes pass in no time, and in the same order each time."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

_P = ParamSpec("_P")
_BEGIN = 1000.0
_LIMIT_S = 24 * 3600.0


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: reports what is ready, else moves the clock on."""

    now = _BEGIN

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the test waits for something that nothing is going to do")
        if not ready and timeout is not None:
            self.now += max(timeout, 0.0)
        if self.now > _BEGIN + _LIMIT_S:
            raise RuntimeError("a day has passed, and the test still waits")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For code that waits for timers and tasks only: threads and sockets would be overtaken."""

    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now

    def pass_unnoticed(self, seconds: float) -> None:
        """Moves the clock as a stopped process sees it: no timer had a chance to run."""
        self.jumping.now += seconds


def in_virtual_time(test: Callable[_P, Coroutine[None, None, None]]) -> Callable[_P, None]:
    """Makes an asynchronous test run on a loop of its own whose clock jumps."""

    @functools.wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
