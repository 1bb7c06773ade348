"""Keeps the AMQP clients' own words out of task logs and terminals."""

from __future__ import annotations

import logging
from typing import Final

_LOGGERS: Final = ("pika", "aio_pika", "aiormq")


def quieten() -> None:
    """Silences the clients, except where somebody gave their loggers a level.

    They report each failed connection with several errors and tracebacks; in an outage that is every few seconds.
    Our own errors say the same in one line.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)
