"""Publishing with confirms, many messages in flight: the writing side, driven by the thread that appends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Final

from heliograph.bus.errors import BusUnavailable
from heliograph.bus.rabbitmq import failures
from heliograph.bus.rabbitmq.message import Message
from heliograph.bus.rabbitmq.publishing_session import PublishingSession
from heliograph.bus.rabbitmq.url import RabbitMqAddress

_log = logging.getLogger(__name__)

_CLOSE_WAIT_S: Final = 5.0


class Publisher:
    """Keeps one connection for as long as it works and opens another when it does not.

    Args:
        address: the server, the exchange and the credentials.
        answer_timeout_s: how long the server may stay silent, while connecting or before a confirm.
    """

    def __init__(self, address: RabbitMqAddress, *, answer_timeout_s: float = 30.0) -> None:
        self._address = address
        self._answer_timeout_s = answer_timeout_s
        self._session: PublishingSession | None = None
        self._busy = threading.Lock()

    def publish(self, messages: Sequence[Message]) -> None:
        """Publishes in order; returns when the server confirmed all of them.

        Raises:
            BusUnavailable: some were not confirmed; publishing all of them again is safe.
            BusRefused, BusMissing: a permission, the exchange or its binding is missing.
        """
        with self._busy:
            reused = self._session is not None
            try:
                self._publish(messages)
            except BusUnavailable:
                if not reused:
                    raise
                # The connection may have died of idleness between two batches: that is no outage yet.
                _log.debug("Publishing again on a new connection", exc_info=True)
                self._publish(messages)

    def close(self) -> None:
        """Closes the connection. Idempotent. Leaves it alone while another thread is stuck in ``publish``."""
        if not self._busy.acquire(timeout=_CLOSE_WAIT_S):
            return
        try:
            session, self._session = self._session, None
            if session is not None:
                session.close()
        finally:
            self._busy.release()

    def _publish(self, messages: Sequence[Message]) -> None:
        session, self._session = self._session, None
        if session is None:
            session = PublishingSession(self._address, answer_timeout_s=self._answer_timeout_s)
        try:
            session.open()
            self._publish_on(session, messages)
        except BaseException:
            session.close()
            raise
        self._session = session

    def _publish_on(self, session: PublishingSession, messages: Sequence[Message]) -> None:
        if session.publish(messages):
            return
        # Either nothing binds the stream, or the server has just started and the stream is not up yet.
        session.check_stream()
        if not session.publish(messages):
            raise failures.missing_binding(self._address)
