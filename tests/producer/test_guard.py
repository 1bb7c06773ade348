import os
import signal
import subprocess
import sys
from typing import IO

import psutil

from heliograph.producer import guard
from heliograph.producer.sources.process import GuardedProcess, ProcessSlot

# Says that it runs and by which id, then waits for a signal.
WAITING = "import os, signal, sys; sys.stdout.write(f'{os.getpid()}\\n'); sys.stdout.flush(); signal.pause()"
SAYS_HOW_IT_ENDS = (
    "import os, signal, sys\n"
    "def end(signum, frame): sys.stdout.write('told to end\\n'); sys.stdout.flush(); os._exit(2)\n"
    "signal.signal(signal.SIGINT, end)\n"
    "sys.stdout.write('ready\\n'); sys.stdout.flush()\n"
    "while True: signal.pause()"
)


def guarded(code: str) -> GuardedProcess:
    return GuardedProcess([sys.executable, "-c", code], env=os.environ, on_output=None, read_stdout=True)


def guard_of(code: str) -> tuple[subprocess.Popen[str], IO[str], IO[str]]:
    """The guard's process, its input and its output."""
    process = subprocess.Popen(
        [sys.executable, guard.__file__, "--", sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return process, process.stdin, process.stdout


def test_passes_the_exit_code_on() -> None:
    assert guarded("raise SystemExit(2)").wait() == 2


def test_ends_by_the_signal_that_ended_the_command() -> None:
    process = guarded(WAITING)
    os.kill(int(process.stdout.readline()), signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_signal_to_the_group_reaches_the_command_and_its_own_exit_code_counts() -> None:
    process = guarded(SAYS_HOW_IT_ENDS)
    assert process.stdout.readline() == "ready\n"
    process.signal(signal.SIGINT)
    assert process.stdout.readline() == "told to end\n"
    assert process.wait() == 2


def test_the_command_is_told_to_end_when_the_producer_is_gone() -> None:
    process, held, told = guard_of(SAYS_HOW_IT_ENDS)
    assert told.readline() == "ready\n"
    held.close()  # as a kill -9 of the producer would
    assert told.readline() == "told to end\n"
    assert process.wait(timeout=30) == 2
    told.close()


def test_the_command_does_not_outlive_a_killed_guard() -> None:
    process, held, told = guard_of(WAITING)
    command = psutil.Process(int(told.readline()))
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs([command], timeout=30)
    assert (gone, alive) == ([command], [])
    held.close()
    told.close()


def test_a_command_that_cannot_be_started_says_so() -> None:
    lines: list[str] = []
    process = GuardedProcess(["/no/such/dbt"], env=os.environ, on_output=lines.append)
    assert process.wait() == 127
    assert lines == ["/no/such/dbt: No such file or directory"]


def test_output_that_cannot_be_handed_on_does_not_stop_the_command() -> None:
    def broken(line: str) -> None:
        raise RuntimeError("no terminal")

    process = GuardedProcess(
        [sys.executable, "-c", "print('x' * 200_000); print('y')"], env=os.environ, on_output=broken
    )
    assert process.wait() == 0


def test_leaving_early_ends_the_process() -> None:
    process = guarded(WAITING)
    command = psutil.Process(int(process.stdout.readline()))
    with process:
        pass
    gone, _ = psutil.wait_procs([command], timeout=30)
    assert gone == [command]
    assert process.wait() == -signal.SIGINT or process.wait() == 1


def test_no_process_starts_after_a_signal() -> None:
    slot = ProcessSlot()
    slot.signal(signal.SIGINT)
    assert slot.start(lambda: guarded("")) is None
