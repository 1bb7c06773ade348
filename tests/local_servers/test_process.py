"""Processes that tests, demo and benchmarks start: they end when told, with all they started."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from local_servers.ports import free_port, free_ports, listening
from local_servers.process import ManagedProcess, ProcessFailed


def python(script: str, log_file: Path, *, stop_timeout_s: float = 20) -> ManagedProcess:
    return ManagedProcess([sys.executable, "-u", "-c", script], log_file=log_file, stop_timeout_s=stop_timeout_s)


def has_logged(log_file: Path, text: str) -> bool:
    return log_file.read_text() == text


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "server.log"


def test_a_process_runs_in_a_session_of_its_own_until_it_is_stopped(log_file: Path) -> None:
    with python("import time; print('ready'); time.sleep(60)", log_file) as process:
        process.wait_until(lambda: "ready" in log_file.read_text(), timeout_s=30)
        pid = process.pid
        assert pid is not None
        assert os.getsid(pid) == pid
        assert process.exit_code is None

    assert process.pid is None
    assert not psutil.pid_exists(pid)


def test_a_stopped_process_may_be_started_again_and_its_log_goes_on(log_file: Path) -> None:
    process = python("import time; print('ready'); time.sleep(60)", log_file)
    for expected in ("ready\n", "ready\nready\n"):
        process.start()
        process.wait_until(partial(has_logged, log_file, expected), timeout_s=30)
        process.stop()
        process.stop()


def test_a_process_that_ends_early_is_told_with_the_end_of_its_log(log_file: Path) -> None:
    told = pytest.raises(ProcessFailed, match=r"ended with 3; the end of .*server\.log:\nno port left")
    with python("print('no port left'); raise SystemExit(3)", log_file) as process, told:
        process.wait_until(lambda: False, timeout_s=30)


def test_a_process_that_does_not_become_ready_is_told(log_file: Path) -> None:
    told = pytest.raises(ProcessFailed, match=r"was not ready after 0\.1 s")
    with python("import time; time.sleep(60)", log_file) as process, told:
        process.wait_until(lambda: False, timeout_s=0.1)


def test_a_process_that_ignores_the_signal_is_killed_with_its_children(log_file: Path) -> None:
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid); time.sleep(60)"
    )
    with python(script, log_file, stop_timeout_s=0.2) as process:
        process.wait_until(lambda: log_file.read_text().endswith("\n"), timeout_s=30)
        child = psutil.Process(int(log_file.read_text()))

    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_another_signal_may_ask_a_process_to_stop(log_file: Path) -> None:
    script = (
        "import time\ntry:\n    print('ready'); time.sleep(60)\nexcept KeyboardInterrupt:\n    print('interrupted')"
    )
    process = ManagedProcess(
        [sys.executable, "-u", "-c", script], log_file=log_file, stop_signal=signal.SIGINT, stop_timeout_s=30
    )
    with process:
        process.wait_until(lambda: "ready" in log_file.read_text(), timeout_s=30)

    assert "interrupted" in log_file.read_text()


def test_free_ports_are_different_and_nobody_listens_there() -> None:
    ports = [*free_ports(20), free_port()]

    assert len(set(ports)) == 21
    assert not any(listening(port) for port in ports)
    assert all(port < 32_768 for port in ports)
