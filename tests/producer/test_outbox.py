from collections.abc import Iterator

import pytest

from heliograph.bus.errors import BusError, BusMissing, BusRefused, BusUnavailable
from heliograph.producer.outbox import Outbox
from run_events import Attempt
from watched_log import WatchedLog


@pytest.fixture
def log() -> Iterator[WatchedLog]:
    found = WatchedLog()
    yield found
    found.close()


@pytest.mark.parametrize("error", [BusRefused("no"), BusMissing("nothing there")])
def test_a_log_that_refuses_for_good_is_met_at_the_start(log: WatchedLog, error: BusError) -> None:
    log.failure = error
    outbox = Outbox(log)
    outbox.put(Attempt().started())
    with pytest.raises(type(error)):
        outbox.check(60)


def test_a_log_that_is_away_is_no_reason_to_wait(log: WatchedLog) -> None:
    log.failure = BusUnavailable("away")
    outbox = Outbox(log)
    outbox.put(Attempt().started())
    outbox.check(600)
    log.failure = None
    assert outbox.close(60) is None
    assert len(log.events) == 1


def test_a_log_that_says_nothing_is_waited_for_only_so_long(log: WatchedLog) -> None:
    log.hold()
    outbox = Outbox(log)
    outbox.put(Attempt().started())
    outbox.check(0.01)
    assert outbox.depth == 1


def test_says_what_was_not_delivered(log: WatchedLog) -> None:
    log.hold()
    outbox = Outbox(log)
    outbox.put(Attempt().started())
    error = outbox.close(0.01)
    assert error is not None
    assert error.undelivered == 1
