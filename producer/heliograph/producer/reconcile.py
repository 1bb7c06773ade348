"""dbt's final result against what was published: the ends that are missing or were told differently. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode, SkipReason

_NOT_REACHED: Final = "dbt ended before it ran this node"
_NO_END: Final = "dbt began this node and ended without telling how it went"


def reconcile(
    *,
    planned: Mapping[str, PlannedNode],
    started: Collection[str],
    published: Mapping[str, Outcome],
    results: Mapping[str, NodeFinishedData],
    message: str | None = None,
) -> Iterator[tuple[str, NodeFinishedData]]:
    """The ends that are still to be published so that the state equals dbt's own (I2, I4).

    dbt announces no end for a node whose thread failed, for what a fail-fast or a failed on-run-start hook left out,
    and for hooks themselves; its result has them. A node that is planned and in neither did not succeed: it was
    skipped, or, where it had begun, it is an error.

    Args:
        planned: the plan, by unique id.
        started: the nodes that began.
        published: the outcomes published so far.
        results: dbt's final result; empty where dbt gave none.
        message: why dbt ended early, where it did.
    """
    for unique_id, data in results.items():
        if published.get(unique_id) is not data.outcome:
            yield unique_id, data.model_copy(update={"reconciled": True})
    # `build --fail-fast` leaves unit tests out of its result altogether (dbt 1.11).
    fail_fast = any(data.skip_reason is SkipReason.FAIL_FAST for data in results.values())
    skip_reason = SkipReason.FAIL_FAST if fail_fast else SkipReason.OTHER
    for unique_id, node in planned.items():
        if unique_id not in results and unique_id not in published:
            began = unique_id in started
            yield unique_id, _unreported(node, skip_reason=None if began else skip_reason, message=message)


def _unreported(node: PlannedNode, *, skip_reason: SkipReason | None, message: str | None) -> NodeFinishedData:
    told = _NO_END if skip_reason is None else _NOT_REACHED
    return NodeFinishedData(
        outcome=Outcome.ERROR if skip_reason is None else Outcome.SKIPPED,
        skip_reason=skip_reason,
        resource_type=node.resource_type,
        name=node.name,
        message=f"{told}: {message}" if message else told,
        reconciled=True,
    )
