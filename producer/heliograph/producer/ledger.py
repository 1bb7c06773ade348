"""What has been told of each node so far."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode, SkipReason
from heliograph.producer.causes import Causes
from heliograph.producer.freshness_report import FreshnessReport


class NodeLedger:
    """The nodes of one attempt: planned, begun, running, ended.

    Written by the thread that reads dbt's records; ``running`` is also read by the heartbeat's.
    """

    def __init__(self) -> None:
        self.planned: dict[str, PlannedNode] = {}
        self.ends: dict[str, NodeFinishedData] = {}
        self.started: set[str] = set()
        self.causes = Causes({})
        self._edges: Mapping[str, tuple[str, ...]] = {}
        self._depth: dict[str, int] = {}
        self._lock = threading.Lock()

    def plan(self, nodes: Iterable[PlannedNode], *, edges: Mapping[str, tuple[str, ...]]) -> None:
        """Takes the plan in. ``edges``: the parents of all selected nodes, also of those that are not reported."""
        self.planned = {node.unique_id: node for node in nodes}
        self.causes = Causes(edges)
        self._edges = edges

    def begin(self, unique_id: str) -> bool:
        """Notes that dbt began the node; False if it already runs.

        Each batch of a microbatch model begins and ends under the model's own unique id, inside the model.
        """
        with self._lock:
            depth = self._depth[unique_id] = self._depth.get(unique_id, 0) + 1
            self.started.add(unique_id)
        return depth == 1

    def leave(self, unique_id: str) -> bool:
        """Notes that something of the node ended; True if it was the node itself, not one of its batches."""
        with self._lock:
            depth = self._depth.get(unique_id, 1) - 1
            if depth > 0:
                self._depth[unique_id] = depth
            else:
                self._depth.pop(unique_id, None)
        return depth <= 0

    def end(self, unique_id: str, data: NodeFinishedData) -> None:
        """Notes how the node ended, as it is published."""
        self.ends[unique_id] = data
        self.note_cause(unique_id, data)

    def note_cause(self, unique_id: str, data: NodeFinishedData) -> None:
        """Notes how something ended that others may have been skipped for: dbt skips nothing for a stale source."""
        if data.resource_type == "source" or data.skip_reason is SkipReason.STALE_SOURCE:
            return
        self.causes.note(unique_id, data.outcome, resource_type=data.resource_type, caused_by=data.caused_by)

    @property
    def running(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._depth)

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        return {unique_id: data.outcome for unique_id, data in self.ends.items()}

    @property
    def freshness_report(self) -> FreshnessReport:
        """What is known of the checked sources."""
        sources = {uid: data for uid, data in self.ends.items() if data.resource_type == "source"}
        nodes = {uid: node for uid, node in self.planned.items() if node.resource_type != "source"}
        parents = {uid: found for uid, found in self._edges.items() if not uid.startswith("source.")}
        return FreshnessReport(sources=sources, nodes=nodes, parents=parents)

    def counts(self) -> dict[Outcome, int]:
        """How many nodes ended in each way."""
        counts: dict[Outcome, int] = {}
        for data in self.ends.values():
            counts[data.outcome] = counts.get(data.outcome, 0) + 1
        return counts
