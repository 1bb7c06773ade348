"""What each kind of event says: the ``data`` part of the envelope.

All models are frozen and ignore unknown fields, so that an older reader accepts an event to which a
newer producer added a field. Durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

COMPILED_SQL_LIMIT = 64 * 1024
"""Characters of compiled SQL carried in an event; longer SQL is cut and pointed to by its path."""

NODE_LINES_LIMIT = 200
"""Log lines of one node carried in an event."""


class Payload(BaseModel):
    """Base of every payload: frozen, forward compatible."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Outcome(StrEnum):
    """How a node ended."""

    SUCCESS = "success"
    WARN = "warn"
    ERROR = "error"
    FAIL = "fail"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    NO_OP = "no-op"


class SkipReason(StrEnum):
    """Why a node was skipped."""

    UPSTREAM_FAILED = "upstream-failed"
    FAIL_FAST = "fail-fast"
    STALE_SOURCE = "stale-source"
    OTHER = "other"


class TestOutcome(StrEnum):
    """What a test found, kept apart from how its node ended."""

    __test__ = False  # not a pytest class

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


class RunStartedData(Payload):
    """The producer took the run and is about to start dbt.

    ``lease_s``: when no event of the attempt arrives for this many seconds, the producer is taken for dead.
    ``fresh``: the whole command is run anew, and what earlier attempts reported counts no longer; otherwise
    the attempt runs what earlier ones left undone.
    ``answers`` holds the ids of the ``retry.requested`` events that this attempt answers; ``started_by`` names who
    started it, in Airflow the task.
    """

    project: str
    target: str | None = None
    command: tuple[str, ...] = ()
    dbt_version: str | None = None
    producer_version: str | None = None
    producer_host: str | None = None
    producer_pid: int | None = None
    lease_s: float = Field(default=25.0, gt=0)
    fresh: bool = False
    answers: tuple[str, ...] = ()
    started_by: str | None = None


class PlannedNode(Payload):
    """One node that dbt selected. ``depends_on`` holds the unique ids of its direct parents."""

    unique_id: str
    resource_type: str
    name: str
    depends_on: tuple[str, ...] = ()
    materialized: str | None = None


class RunPlannedData(Payload):
    """The nodes dbt selected: what will be reported. Order is dbt's own.

    ``inlined`` holds the ephemeral models among the selected: part of others' SQL and never reported, they are told
    for the edges that run through them.
    """

    nodes: tuple[PlannedNode, ...]
    inlined: tuple[PlannedNode, ...] = ()
    invocation_id: str | None = None
    dbt_version: str | None = None


class NodeStartedData(Payload):
    """dbt began to work on the node."""

    resource_type: str
    name: str
    thread: str | None = None
    started_at: datetime | None = None


class Interval(Payload):
    """A phase of a node, as dbt timed it."""

    started_at: datetime
    completed_at: datetime


class Freshness(Payload):
    """How old a source's newest row is: its age in seconds, and the two moments whose difference that is."""

    age_s: float
    max_loaded_at: datetime | None = None
    snapshotted_at: datetime | None = None


class NodeFinishedData(Payload):
    """How one node ended.

    ``reconciled`` is true where dbt never announced the end and the producer took it from dbt's final result.
    ``compiled_sql`` holds at most ``COMPILED_SQL_LIMIT`` characters; ``compiled_sql_path`` (relative to the dbt
    project) points to the whole text.
    ``caused_by`` names the failed parents of a node skipped for that reason, where dbt told them.
    ``lines`` are dbt's own readable log lines about the node, at most ``NODE_LINES_LIMIT`` of them.
    """

    outcome: Outcome
    resource_type: str
    name: str
    skip_reason: SkipReason | None = None
    caused_by: tuple[str, ...] = ()
    test_outcome: TestOutcome | None = None
    failures: int | None = None
    message: str | None = None
    execution_time_s: float | None = None
    compile: Interval | None = None
    execute: Interval | None = None
    thread: str | None = None
    relation: str | None = None
    rows_affected: int | None = None
    query_id: str | None = None
    adapter_response: Mapping[str, str | int | float | bool | None] = Field(default_factory=dict)
    compiled_sql: str | None = None
    compiled_sql_path: str | None = None
    lines: tuple[str, ...] = ()
    freshness: Freshness | None = None
    reconciled: bool = False


class RunHeartbeatData(Payload):
    """The producer lives. ``spooled`` counts events not yet confirmed by the log.

    ``rss_bytes``: the resident memory of dbt and all it started, where it could be sampled.
    """

    spooled: int = 0
    running: tuple[str, ...] = ()
    rss_bytes: int | None = None


class MemoryPeak(Payload):
    """The most resident memory that dbt and all it started were seen to use, and the nodes that ran just then."""

    rss_bytes: int
    running: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """For people: the size, and what ran then."""
        size = f"{self.rss_bytes / 2**20:.0f} MiB"
        return f"{size} while {', '.join(self.running)} ran" if self.running else size


class RunFinishedData(Payload):
    """dbt ended by itself and every planned node was reported.

    ``exit_code`` is dbt's own: 0 success, 1 handled failures, 2 dbt could not do its work.
    ``last_sequence`` is this event's own sequence: a reader that has them all has the whole attempt.
    ``message`` says why dbt ended before any node ran, where it did.
    """

    exit_code: int
    last_sequence: int
    counts: Mapping[Outcome, int] = Field(default_factory=dict)
    elapsed_s: float | None = None
    message: str | None = None
    memory_peak: MemoryPeak | None = None


class RunAbortedData(Payload):
    """The producer was told to stop, or dbt died; nodes without an end will not end in this attempt."""

    reason: str
    last_sequence: int
    exit_code: int | None = None
    memory_peak: MemoryPeak | None = None


class RunLostData(Payload):
    """Nothing was heard of the producer for longer than its lease; written by whoever noticed.

    ``heard_up_to``: the highest sequence that the finder had received; a later one refutes the finding. None is never
    refuted.
    """

    reason: str
    noticed_by: str | None = None
    heard_up_to: int | None = None


class RetryRequestedData(Payload):
    """Someone asks that these nodes run again.

    ``tests``: the tests of these nodes are meant, not the nodes themselves, and of them not ``except_tests``.
    ``requested_by`` names who asks, in Airflow the task. ``arguments`` is a fingerprint of the dbt arguments to run
    with: only requests of equal fingerprints can be answered by one command.
    """

    nodes: tuple[str, ...]
    tests: bool = False
    except_tests: tuple[str, ...] = ()
    requested_by: str | None = None
    arguments: str | None = None


class AttemptClaimedData(Payload):
    """Someone is about to start a further attempt.

    The order of claims in the log numbers the attempts: the first claim of a run is attempt 2, and so on. Whoever
    claimed starts dbt only when no earlier attempt goes on.
    """

    claimed_by: str


class CancelRequestedData(Payload):
    """Someone asks that the run stop."""

    reason: str
    requested_by: str | None = None
