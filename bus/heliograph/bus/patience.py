"""How long to wait between two tries of a log that does not answer; one rule for writing and reading."""

from __future__ import annotations

import logging
from typing import Final

from tenacity import RetryCallState, wait_random_exponential
from tenacity.wait import wait_base

LONGEST_WAIT_S: Final = 5.0

BACK_OFF: Final[wait_base] = wait_random_exponential(multiplier=0.1, max=LONGEST_WAIT_S)
"""Random, so that a thousand readers of one broker do not come back in the same moment."""

_log = logging.getLogger(__name__)


def tell(state: RetryCallState) -> None:
    """Logs why a try failed: the first one as a warning, the others for the curious only."""
    error = state.outcome.exception() if state.outcome is not None else None
    level = logging.WARNING if state.attempt_number == 1 else logging.DEBUG
    _log.log(level, "%s Trying again until it answers.", error)
