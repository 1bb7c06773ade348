import threading

from heliograph.producer.heartbeat import Heartbeat


def test_beats_again_and_again_until_left() -> None:
    beats = threading.Semaphore(0)
    with Heartbeat(beats.release, interval_s=0.001):
        assert all(beats.acquire(timeout=30) for _ in range(3))
    assert not any(thread.name == "heliograph-heartbeat" for thread in threading.enumerate())


def test_does_not_wait_for_its_interval_to_end() -> None:
    with Heartbeat(lambda: None, interval_s=3600):
        pass
