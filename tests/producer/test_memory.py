"""Sampling the memory of real processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from heliograph.producer import memory
from heliograph.producer.memory import MemorySampler, resident_below

HOG = "import sys; hog = bytearray(b'x' * 64 * 2**20); print('ready', flush=True); sys.stdin.read()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOG!r}])"
HOG_BYTES = 64 * 2**20


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process whose child holds 64 MiB."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.communicate(timeout=30)


def sampled(pid: int | None, *, interval_s: float | None = 0.001) -> MemorySampler:
    """A sampler that has taken three samples, or has given up before."""
    asked = threading.Semaphore(0)

    def guard() -> int | None:
        asked.release()
        return pid

    with MemorySampler(guard, running=lambda: ("model.shop.a",), interval_s=interval_s) as sampler:
        if interval_s is not None:
            assert all(asked.acquire(timeout=30) for _ in range(3))
    return sampler


def test_the_peak_counts_descendants_and_names_what_ran(parent: subprocess.Popen[str]) -> None:
    sampler = sampled(parent.pid)
    assert sampler.peak is not None
    assert HOG_BYTES < sampler.peak.rss_bytes < 4 * HOG_BYTES
    assert sampler.peak.running == ("model.shop.a",)
    assert sampler.rss_bytes is not None
    assert sampler.rss_bytes > HOG_BYTES


def test_a_process_that_is_gone_has_no_figures() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert resident_below(process.pid) is None
    assert sampled(process.pid).peak is None


def test_before_the_start_there_are_no_figures() -> None:
    assert sampled(None).peak is None


def test_without_an_interval_nothing_is_sampled(parent: subprocess.Popen[str]) -> None:
    assert sampled(parent.pid, interval_s=None).peak is None


def test_without_psutil_there_are_no_figures(parent: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "psutil", None)
    with MemorySampler(lambda: parent.pid, running=tuple, interval_s=0.001) as sampler:
        pass
    assert sampler.peak is None


def test_whatever_goes_wrong_while_sampling_stays_there(caplog: pytest.LogCaptureFixture) -> None:
    asked = threading.Event()

    def guard() -> int | None:
        asked.set()
        raise RuntimeError("no such system call")

    with caplog.at_level("DEBUG"), MemorySampler(guard, running=tuple, interval_s=0.001) as sampler:
        assert asked.wait(30)
    assert sampler.peak is None
    assert "no longer sampled" in caplog.text
