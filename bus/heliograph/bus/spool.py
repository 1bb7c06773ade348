"""Takes events at once and delivers them in the background, however long the log is away."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Final

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_when_event_set
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_base

from heliograph.bus.errors import BusError, BusUnavailable, HeliographError, UndeliveredEvents
from heliograph.bus.events import Event
from heliograph.bus.log import EventAppender
from heliograph.bus.patience import BACK_OFF, tell

_log = logging.getLogger(__name__)

_BATCH: Final = 500


class Spool:
    """The producer's outbox: ``put`` is for dbt's threads, one thread of its own publishes in order.

    Args:
        log: where the events go; closing it stays with the caller.
        wait: the back-off between two tries of a log that does not answer.
        batch: how many events one ``append`` takes at most.
    """

    def __init__(self, log: EventAppender, *, wait: wait_base = BACK_OFF, batch: int = _BATCH) -> None:
        self._log = log
        self._batch = batch
        self._waiting: deque[Event] = deque()
        self._depth = 0
        self._failure: HeliographError | None = None
        self._closing = False
        self._given_up = threading.Event()
        # Re-entrant: a signal handler may put an event while the thread it interrupted is inside put().
        self._changed = threading.Condition(threading.RLock())
        self._patiently = Retrying(
            retry=retry_if_exception_type(BusUnavailable),
            wait=wait,
            sleep=sleep_using_event(self._given_up),
            stop=stop_when_event_set(self._given_up),
            before_sleep=tell,
        )
        # A daemon: a log that never answers must not keep the process from ending.
        self._publisher = threading.Thread(target=self._publish, name="heliograph-spool", daemon=True)
        self._publisher.start()

    @property
    def depth(self) -> int:
        """How many events were put and are not confirmed by the log."""
        return self._depth

    @property
    def failure(self) -> HeliographError | None:
        """The error that ended publishing for good, if one did."""
        return self._failure

    def put(self, event: Event) -> None:
        """Takes the event; returns at once, whatever the log does. Never raises for the log's reasons."""
        with self._changed:
            self._depth += 1
            # Nobody will publish it any more: count it, but do not fill the memory.
            if self._failure is None and not self._closing:
                self._waiting.append(event)
                self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Delivers what is left, for at most ``timeout_s`` seconds, and ends publishing. Idempotent.

        Raises:
            UndeliveredEvents: something was not delivered in time, or publishing had failed for good.
        """
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify()
        self._publisher.join(timeout_s)
        self._given_up.set()
        undelivered = self._depth
        if undelivered:
            raise self._undelivered(undelivered, timeout_s) from self._failure

    def _undelivered(self, count: int, timeout_s: float) -> UndeliveredEvents:
        if self._failure is not None:
            return UndeliveredEvents(
                f"{count} events were not delivered: {self._failure.problem}",
                undelivered=count,
                setting=self._failure.setting,
                fix=self._failure.fix,
            )
        return UndeliveredEvents(
            f"{count} events were not delivered: the event log did not take them within {timeout_s:g} s",
            undelivered=count,
            setting="bus_url",
            fix="bring the event log back; its own errors stand above in the log",
        )

    def _publish(self) -> None:
        try:
            while batch := self._next():
                self._patiently(self._log.append, batch)
                with self._changed:
                    self._depth -= len(batch)
                    for _ in batch:
                        self._waiting.popleft()
        except RetryError:
            return  # given up by close(), which tells
        except HeliographError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  # whatever ended the thread, close() must tell it
            _log.exception("Publishing events ended")
            self._fail(BusError(f"Publishing events ended: {error}", setting="bus_url"))

    def _next(self) -> list[Event]:
        """The oldest events, left in the queue until they are confirmed; none once closing and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return [self._waiting[index] for index in range(min(self._batch, len(self._waiting)))]

    def _fail(self, error: HeliographError) -> None:
        _log.error("Events are no longer published. %s", error)
        with self._changed:
            self._failure = error
            self._waiting.clear()
