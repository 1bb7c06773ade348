import signal
import threading

from heliograph.producer.stopping import Stopping


class Target:
    """Takes signals; ``deaf`` ones do not end it."""

    def __init__(self, *deaf: int) -> None:
        self.got: list[int] = []
        self.deaf = deaf
        self.ended = threading.Event()

    def send(self, signum: int) -> None:
        self.got.append(signum)
        if signum not in self.deaf:
            self.ended.set()


def test_nothing_is_sent_without_a_request() -> None:
    target = Target()
    with Stopping(target.send, grace_s=60):
        pass
    assert target.got == []


def test_a_request_interrupts_and_its_reason_is_kept() -> None:
    target = Target()
    stopping = Stopping(target.send, grace_s=60)
    with stopping:
        stopping.request("first")
        assert target.ended.wait(30)
    assert target.got == [signal.SIGINT]
    assert stopping.reason == "first"


def test_a_second_request_sends_the_harder_signal_at_once() -> None:
    target = Target(signal.SIGINT)
    stopping = Stopping(target.send, grace_s=600)
    with stopping:
        stopping.request("first")
        stopping.request("again")
        assert target.ended.wait(30)
    assert target.got == [signal.SIGINT, signal.SIGTERM]
    assert stopping.reason == "first"


def test_who_does_not_end_in_time_is_killed() -> None:
    target = Target(signal.SIGINT, signal.SIGTERM)
    stopping = Stopping(target.send, grace_s=0.01)
    with stopping:
        stopping.request("now")
        assert target.ended.wait(30)
    assert target.got == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


def test_a_request_before_the_start_counts() -> None:
    target = Target()
    stopping = Stopping(target.send, grace_s=60)
    stopping.request("early")
    with stopping:
        assert target.ended.wait(30)
    assert target.got == [signal.SIGINT]
