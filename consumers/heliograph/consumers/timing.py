"""How long the hub waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """All in seconds.

    Attributes:
        lease_check_interval_s: between two questions whether a silent producer is known to be gone.
        grace_s: how long a run is still followed after its last waiter left: a next layer's tasks come soon.
        settle_s: silence after which the log's past is taken as read. Until then nothing is decided, as an answer
            from half of the past (a first attempt that failed) could be wrong.
        settle_limit_s: the longest such wait, for a run that is never silent.
        gap_reread_s: from the notice of missing events to the one re-reading of the log.
        gap_limit_s: from the notice of missing events until they are given up.
    """

    lease_check_interval_s: float = 5.0
    grace_s: float = 60.0
    settle_s: float = 0.3
    settle_limit_s: float = 5.0
    gap_reread_s: float = 1.0
    gap_limit_s: float = 30.0
