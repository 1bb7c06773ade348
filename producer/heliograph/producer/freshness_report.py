"""What is known of the sources before the build, and the decision what to leave out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode, SkipReason
from heliograph.producer.errors import StaleDecisionFailed
from heliograph.producer.staleness import stale_above, stale_nodes, with_their_tests
from heliograph.producer.verdict import TEST_TYPES


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshnessReport:
    """The checked sources and the nodes that the run is about to build.

    Attributes:
        sources: how each source's check ended, by unique id; ``freshness`` is None where it could not be checked.
        nodes: the planned nodes by unique id, sources left out.
        parents: the direct parents of each of these nodes, and of the ephemeral models between them.
    """

    sources: Mapping[str, NodeFinishedData]
    nodes: Mapping[str, PlannedNode]
    parents: Mapping[str, tuple[str, ...]]

    @property
    def stale(self) -> tuple[str, ...]:
        """The sources that are older than they should be, by dbt's ``warn_after`` or ``error_after``.

        A source that could not be checked is not among them: nothing is known of its age.
        """
        too_old = (Outcome.WARN, Outcome.ERROR)
        return tuple(uid for uid, end in self.sources.items() if end.freshness is not None and end.outcome in too_old)

    @property
    def tests(self) -> frozenset[str]:
        """The planned tests and unit tests."""
        return frozenset(uid for uid, node in self.nodes.items() if node.resource_type in TEST_TYPES)

    def skipped_by_default(self) -> set[str]:
        """The nodes that are left out where nobody decides otherwise: see ``staleness.stale_nodes``."""
        return stale_nodes(self.parents, self.stale, tests=self.tests)


DecideStale = Callable[[FreshnessReport], Collection[str]]
"""The user's own decision: the unique ids of the nodes to leave out."""


def left_out(report: FreshnessReport, decide: DecideStale | None) -> dict[str, tuple[str, ...]]:
    """The nodes to leave out, each with the stale sources above it.

    ``decide`` has the word where it is given; the tests of what it names are left out too. Ids that the run would not
    build are ignored.

    Raises:
        StaleDecisionFailed: ``decide`` raised, or returned something else than unique ids.
    """
    if decide is None:
        chosen = report.skipped_by_default()
    else:
        chosen = with_their_tests(_decided(report, decide), report.parents, tests=report.tests)
    above = stale_above(report.parents, report.stale)
    return {uid: above.get(uid, ()) for uid in report.parents if uid in chosen}


def left_out_end(node: PlannedNode, stale: tuple[str, ...]) -> NodeFinishedData:
    """The end of a node that is left out."""
    return NodeFinishedData(
        outcome=Outcome.SKIPPED,
        skip_reason=SkipReason.STALE_SOURCE,
        caused_by=stale,
        resource_type=node.resource_type,
        name=node.name,
        message=f"Left out for stale sources: {', '.join(stale)}" if stale else "Left out by decide_stale",
    )


def _decided(report: FreshnessReport, decide: DecideStale) -> Collection[str]:
    try:
        chosen = decide(report)
    except Exception as error:
        raise StaleDecisionFailed(f"decide_stale raised {type(error).__name__}: {error}") from error
    if isinstance(chosen, str) or not isinstance(chosen, Collection):
        raise StaleDecisionFailed(f"decide_stale returned {chosen!r}, not the unique ids of nodes")
    return chosen
