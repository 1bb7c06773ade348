"""The spool: takes events at once, delivers them in order, tells what it could not."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import NoReturn

import pytest
from tenacity import wait_none

from heliograph.bus.errors import BusMissing, BusUnavailable, HeliographError, UndeliveredEvents
from heliograph.bus.events import Event
from heliograph.bus.spool import Spool
from run_events import Attempt

WAIT_S = 30.0


class WritableLog:
    """The writing side of a log in memory, with doors that a test opens and shuts.

    Attributes:
        open: while it is not set, ``append`` does not return.
        entered: set once somebody is inside ``append``.
        errors: raised by the next calls of ``append``, one each.
    """

    def __init__(self, *errors: Exception) -> None:
        self.batches: list[list[Event]] = []
        self.errors = list(errors)
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.appended = threading.Condition()

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    def append(self, events: Sequence[Event]) -> None:
        self.entered.set()
        self.open.wait(WAIT_S)
        if self.errors:
            raise self.errors.pop(0)
        with self.appended:
            self.batches.append(list(events))
            self.appended.notify_all()

    def wait_for(self, count: int) -> None:
        with self.appended:
            assert self.appended.wait_for(lambda: len(self.events) >= count, WAIT_S)

    def close(self) -> None: ...

    def read(self, *_args: object, **_options: object) -> NoReturn:
        raise NotImplementedError

    follow = read
    connected_since = None

    async def aclose(self) -> None: ...


class DownLog(WritableLog):
    """Never answers; tells after how many tries."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = threading.Semaphore(0)

    def append(self, events: Sequence[Event]) -> None:
        self.tries.release()
        raise unavailable()


def unavailable() -> BusUnavailable:
    return BusUnavailable("away", setting="bus_url")


@pytest.fixture
def events() -> list[Event]:
    attempt = Attempt()
    return [attempt.heartbeat() for _ in range(20)]


@pytest.fixture
def spools() -> Iterator[list[Spool]]:
    """Spools a test leaves open on purpose; given up at the end."""
    left: list[Spool] = []
    yield left
    for spool in left:
        with pytest.raises(UndeliveredEvents):
            spool.close(0)


def test_events_are_delivered_in_the_order_they_were_put(events: list[Event]) -> None:
    log = WritableLog()
    spool = Spool(log)
    for event in events:
        spool.put(event)
    spool.close(WAIT_S)

    assert log.events == events
    assert spool.depth == 0
    assert spool.failure is None


def test_an_event_is_delivered_without_closing(events: list[Event]) -> None:
    log = WritableLog()
    spool = Spool(log)
    spool.put(events[0])
    log.wait_for(1)
    spool.put(events[1])
    log.wait_for(2)
    spool.close(WAIT_S)

    assert log.events == events[:2]


def test_what_waits_is_delivered_in_batches(events: list[Event]) -> None:
    log = WritableLog()
    log.open.clear()
    spool = Spool(log, batch=8)
    spool.put(events[0])
    assert log.entered.wait(WAIT_S)
    for event in events[1:]:
        spool.put(event)
    log.open.set()
    spool.close(WAIT_S)

    assert [len(batch) for batch in log.batches] == [1, 8, 8, 3]
    assert log.events == events


def test_putting_does_not_wait_for_a_log_that_hangs(events: list[Event]) -> None:
    """Invariant I7: every put below returns while the log is still inside its first append."""
    log = WritableLog()
    log.open.clear()
    spool = Spool(log)
    spool.put(events[0])
    assert log.entered.wait(WAIT_S)

    for event in events[1:]:
        spool.put(event)

    assert log.batches == []
    assert spool.depth == len(events)
    log.open.set()
    spool.close(WAIT_S)
    assert log.events == events


def test_putting_does_not_wait_for_a_log_that_is_down(events: list[Event], spools: list[Spool]) -> None:
    """Invariant I7."""
    log = DownLog()
    spool = Spool(log, wait=wait_none())
    spools.append(spool)
    for event in events:
        spool.put(event)
    for _ in range(3):
        assert log.tries.acquire(timeout=WAIT_S)

    assert spool.depth == len(events)
    assert spool.failure is None


def test_putting_from_many_threads_loses_nothing() -> None:
    log = WritableLog()
    spool = Spool(log, batch=7)

    def put(number: int) -> None:
        attempt = Attempt(run=f"run-{number}")
        for _ in range(200):
            spool.put(attempt.heartbeat())

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close(WAIT_S)

    assert len(log.events) == 1_600
    for number in range(8):
        assert [e.sequence for e in log.events if e.run == f"run-{number}"] == list(range(1, 201))


def test_a_log_that_comes_back_gets_everything_in_order(events: list[Event]) -> None:
    log = WritableLog(*(unavailable() for _ in range(5)))
    spool = Spool(log, wait=wait_none())
    for event in events:
        spool.put(event)
    spool.close(WAIT_S)

    assert log.events == events


def test_closing_tells_how_many_events_a_log_that_is_down_did_not_take(events: list[Event]) -> None:
    spool = Spool(DownLog())
    for event in events:
        spool.put(event)

    with pytest.raises(UndeliveredEvents, match=r"20 events .*: .* within 0\.1 s\. Setting: bus_url") as told:
        spool.close(0.1)

    assert told.value.undelivered == 20


def test_closing_does_not_wait_longer_than_told_for_a_log_that_hangs(events: list[Event]) -> None:
    log = WritableLog()
    log.open.clear()
    spool = Spool(log)
    spool.put(events[0])
    assert log.entered.wait(WAIT_S)

    with pytest.raises(UndeliveredEvents):
        spool.close(0)

    assert log.batches == []
    log.open.set()


def test_a_permanent_error_ends_publishing_and_stays_visible(events: list[Event]) -> None:
    missing = BusMissing("no stream", setting="bus_url", fix="make it")
    log = WritableLog(missing)
    spool = Spool(log, batch=5)
    for event in events:
        spool.put(event)

    with pytest.raises(UndeliveredEvents, match=r"20 events .*: no stream\. Setting: bus_url\. Fix: make it"):
        spool.close(WAIT_S)

    assert spool.failure is missing
    assert log.events == []


def test_putting_after_a_permanent_error_only_counts(events: list[Event]) -> None:
    spool = Spool(WritableLog(BusMissing("no stream")))
    spool.put(events[0])
    spool._publisher.join(WAIT_S)
    for event in events[1:]:
        spool.put(event)

    assert spool.depth == len(events)
    with pytest.raises(UndeliveredEvents) as told:
        spool.close(WAIT_S)
    assert told.value.undelivered == len(events)


def test_an_unforeseen_error_ends_publishing_and_is_told(events: list[Event]) -> None:
    spool = Spool(WritableLog(ZeroDivisionError("ouch")))
    spool.put(events[0])

    with pytest.raises(UndeliveredEvents, match="ouch"):
        spool.close(WAIT_S)

    assert isinstance(spool.failure, HeliographError)


def test_closing_twice_is_the_same_as_once(events: list[Event]) -> None:
    log = WritableLog()
    spool = Spool(log)
    spool.put(events[0])
    spool.close(WAIT_S)
    spool.close(WAIT_S)

    assert log.events == events[:1]


def test_putting_after_closing_raises_nothing_and_counts_as_not_delivered(events: list[Event]) -> None:
    log = WritableLog()
    spool = Spool(log)
    spool.close(WAIT_S)
    spool.put(events[0])

    assert spool.depth == 1
    assert log.events == []


def test_putting_inside_an_interrupted_put_does_not_lock_up(events: list[Event]) -> None:
    """A signal handler runs between two steps of the thread it interrupts, which may hold the spool's lock."""
    log = WritableLog()
    spool = Spool(log)
    with spool._changed:
        spool.put(events[0])
    spool.close(WAIT_S)

    assert log.events == events[:1]
