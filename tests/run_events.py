"""Events of an invented run, numbered as a producer numbers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from heliograph.bus.events import (
    BaseEvent,
    CancelRequested,
    Event,
    NodeFinished,
    NodeStarted,
    RunAborted,
    RunFinished,
    RunHeartbeat,
    RunLost,
    RunPlanned,
    RunStarted,
    event_id,
    outside_event_id,
)
from heliograph.bus.payloads import (
    CancelRequestedData,
    NodeFinishedData,
    NodeStartedData,
    Outcome,
    PlannedNode,
    RunAbortedData,
    RunFinishedData,
    RunHeartbeatData,
    RunLostData,
    RunPlannedData,
    RunStartedData,
)

_E = TypeVar("_E", bound=BaseEvent)


def model(name: str, *depends_on: str) -> PlannedNode:
    """A planned model of the shop."""
    return PlannedNode(unique_id=f"model.shop.{name}", resource_type="model", name=name, depends_on=depends_on)


def check(name: str, *depends_on: str, resource_type: str = "test") -> PlannedNode:
    """A planned test of the shop."""
    return PlannedNode(
        unique_id=f"{resource_type}.shop.{name}", resource_type=resource_type, name=name, depends_on=depends_on
    )


@dataclass(kw_only=True)
class Attempt:
    """Makes one attempt's events in the order they are asked for."""

    run: str = "shop/run-1"
    attempt: int = 1
    sequence: int = 0

    def started(self, *, lease_s: float = 30.0) -> Event:
        return self._next(RunStarted, RunStartedData(project="shop", target="dev", lease_s=lease_s))

    def planned(self, *nodes: PlannedNode) -> Event:
        return self._next(RunPlanned, RunPlannedData(nodes=nodes))

    def node_started(self, node: PlannedNode, **more: Any) -> Event:
        data = NodeStartedData(resource_type=node.resource_type, name=node.name, **more)
        return self._next(NodeStarted, data, subject=node.unique_id)

    def node(self, node: PlannedNode, outcome: Outcome = Outcome.SUCCESS, **more: Any) -> Event:
        data = NodeFinishedData(outcome=outcome, resource_type=node.resource_type, name=node.name, **more)
        return self._next(NodeFinished, data, subject=node.unique_id)

    def heartbeat(self) -> Event:
        return self._next(RunHeartbeat, RunHeartbeatData())

    def finished(self, exit_code: int = 0, *, message: str | None = None) -> Event:
        data = RunFinishedData(exit_code=exit_code, last_sequence=self.sequence + 1, message=message)
        return self._next(RunFinished, data)

    def aborted(self, reason: str = "SIGTERM") -> Event:
        return self._next(RunAborted, RunAbortedData(reason=reason, last_sequence=self.sequence + 1))

    def lost(self, reason: str = "lease expired") -> Event:
        return self._outside(RunLost, "run.lost", RunLostData(reason=reason))

    def cancel(self, reason: str = "stopped by hand") -> Event:
        return self._outside(CancelRequested, "cancel.requested", CancelRequestedData(reason=reason))

    def whole(self, nodes: Sequence[PlannedNode], **outcomes: Outcome) -> list[Event]:
        """An attempt from start to finish; ``outcomes`` by node name, success where none is given."""
        events = [self.started(), self.planned(*nodes)]
        events += [self.node(node, outcomes.get(node.name, Outcome.SUCCESS)) for node in nodes]
        return [*events, self.finished(exit_code=int(bool(outcomes)))]

    def _next(self, kind: type[_E], data: object, *, subject: str | None = None) -> _E:
        self.sequence += 1
        return kind.model_validate(
            {
                "id": event_id(run=self.run, attempt=self.attempt, sequence=self.sequence),
                "source": "/dbt/shop/dev",
                "subject": subject,
                "run": self.run,
                "attempt": self.attempt,
                "sequence": self.sequence,
                "data": data,
            }
        )

    def _outside(self, kind: type[_E], what: str, data: object) -> _E:
        return kind.model_validate(
            {
                "id": outside_event_id(run=self.run, attempt=self.attempt, what=what),
                "source": "/test",
                "run": self.run,
                "attempt": self.attempt,
                "sequence": 0,
                "data": data,
            }
        )
