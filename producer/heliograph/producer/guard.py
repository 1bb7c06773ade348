"""Stands between the producer and dbt, so that dbt never outlives the producer.

Run as a script: ``python guard.py FDS -- COMMAND...``. It starts the command, waits for it and ends as it ended
(exit code or signal). Its standard input is a pipe whose other end only the producer holds: when that closes, the
producer is gone however it died, and the whole process group is told to end. Uses the standard library only and
imports nothing of Heliograph, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

GRACE_S = 10.0
_PR_SET_PDEATHSIG = 1


def _stay(_signum: int, _frame: FrameType | None) -> None:
    """Signals to the process group are for dbt; ignoring them outright would make dbt ignore them as well."""


def _die_with_guard() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return in_child


def _end_with_producer() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        os.killpg(os.getpgrp(), signum)
        time.sleep(GRACE_S)


def main(argv: list[str]) -> None:
    split = argv.index("--")
    inherited = [int(text) for text in argv[:split]]
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _stay)
    try:
        dbt = subprocess.Popen(
            argv[split + 1 :],
            stdin=subprocess.DEVNULL,
            pass_fds=inherited,
            preexec_fn=_die_with_guard(),  # noqa: PLW1509  # no thread exists yet here
        )
    except OSError as error:
        sys.stderr.write(f"{argv[split + 1]}: {error.strerror}\n")
        os._exit(127)
    for descriptor in inherited:
        os.close(descriptor)
    threading.Thread(target=_end_with_producer, daemon=True).start()
    code = dbt.wait()
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
