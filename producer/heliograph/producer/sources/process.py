"""Processes that run dbt, each behind its guard."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Self

from heliograph.producer import guard
from heliograph.producer.sources.port import OnOutput

_log = logging.getLogger(__name__)


class GuardedProcess:
    """A process that ends when this one does, in a process group of its own.

    ``on_output`` None lets the process write to this one's own output; with ``read_stdout`` the caller reads it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        on_output: OnOutput | None,
        pass_fds: Sequence[int] = (),
        read_stdout: bool = False,
    ) -> None:
        self._on_output = on_output
        piped = read_stdout or on_output is not None
        # -I and -S: the guard needs nothing but the standard library, and no site package may slow its start.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, *map(str, pass_fds), "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if piped else None,
            stderr=(subprocess.PIPE if read_stdout else subprocess.STDOUT) if on_output is not None else None,
            env=dict(env),
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self.pid = self._process.pid
        self._forwarder: threading.Thread | None = None
        readable = self._process.stderr if read_stdout else self._process.stdout
        if readable is not None and on_output is not None:
            self._forwarder = threading.Thread(
                target=forward_lines, args=(readable, on_output), name="heliograph-dbt-output", daemon=True
            )
            self._forwarder.start()

    @property
    def stdout(self) -> IO[str]:
        """What the process writes, where ``read_stdout`` asked for it."""
        if self._process.stdout is None:
            raise ValueError("stdout is not read by the caller")
        return self._process.stdout

    def signal(self, signum: int) -> None:
        """Signals the whole group; nothing happens when it is gone."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signum)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Ends the process where whoever read it went away before its end."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            self.signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=guard.GRACE_S)
        self.wait()

    def wait(self) -> int:
        """Waits for the end and for the last line of output; the exit code, or the signal's number, negative."""
        code = self._process.wait()
        if self._forwarder is not None:
            self._forwarder.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return code


def forward_lines(lines: IO[str], on_output: OnOutput) -> None:
    """Hands each line on until the end; goes on reading where it cannot, for a full pipe would stop dbt."""
    for line in lines:
        try:
            on_output(line.rstrip("\r\n"))
        except Exception:  # noqa: BLE001  # it is the caller's own function: anything may come
            _log.exception("A line of dbt's output could not be handed on")


def to_stdout(line: str) -> None:
    """Writes a line where this process writes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class ProcessSlot:
    """Holds the process that runs now, and the word that none may start any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: GuardedProcess | None = None
        self._refused = False

    def start(self, make: Callable[[], GuardedProcess]) -> GuardedProcess | None:
        """Starts the next process; None where a signal came first."""
        with self._lock:
            if self._refused:
                return None
            self._process = make()
            return self._process

    @property
    def pid(self) -> int | None:
        """The guard of the process that was started last."""
        process = self._process
        return process.pid if process is not None else None

    def signal(self, signum: int) -> None:
        """Signals the process that runs now; no other one starts after it."""
        with self._lock:
            self._refused = True
            process = self._process
        if process is not None:
            process.signal(signum)
