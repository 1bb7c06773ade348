"""A server process: started in a session of its own, logged to a file, ended by its own id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class ProcessFailed(RuntimeError):
    """A server process ended early or did not become ready; the message ends with its last log lines."""


class ManagedProcess:
    """One process and, for the hard end only, the group of its children.

    As a context manager it starts on entry and stops on exit. It can be started again after a stop.

    Args:
        command: program and arguments.
        log_file: takes stdout and stderr, appended.
        env: the whole environment; None takes this process's own.
        folder: working folder.
        user: name of the system user to run as; only root may give one.
        stop_signal: asks the process to end.
        stop_timeout_s: seconds between that and SIGKILL.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log_file: Path,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_timeout_s: float = 20,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log_file = log_file
        self._env = dict(os.environ if env is None else env)
        self._folder = folder
        self._user = user
        self._stop_signal = stop_signal
        self._stop_timeout_s = stop_timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id while it was started and not stopped."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_code(self) -> int | None:
        """The exit code once the process ended by itself; None while it runs or was not started."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Starts the process; nothing where it runs already."""
        if self._process is not None and self._process.poll() is None:
            return
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._folder,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user is not None else None,
            )

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float = 60, every_s: float = 0.1) -> None:
        """Returns once ``ready()`` is true, asked every ``every_s`` seconds.

        Raises:
            ProcessFailed: the process ended before, or the time limit passed.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.exit_code is not None:
                raise ProcessFailed(f"{self.command[0]} ended with {self.exit_code}{self._last_lines()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.command[0]} was not ready after {timeout_s:g} s{self._last_lines()}")
            time.sleep(every_s)

    def stop(self) -> None:
        """The stop signal to the process, then, past the time limit, SIGKILL to its group. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self._stop_signal)
            try:
                process.wait(self._stop_timeout_s)
            except subprocess.TimeoutExpired:
                _kill_group(process.pid)
                process.wait()
        # Children that outlived their parent are still in the group it led.
        _kill_group(process.pid)

    def kill(self) -> None:
        """SIGKILL to the process and its group at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            _kill_group(process.pid)
            process.wait()

    def _last_lines(self, count: int = 25) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()[-count:]
        return "\n".join([f"; the end of {self.log_file}:", *lines])


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
