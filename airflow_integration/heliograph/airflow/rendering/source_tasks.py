"""Which sources become tasks, and which of these report a check of freshness."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from heliograph.airflow.constants import SourceRenderingBehavior, TestBehavior
from heliograph.airflow.dbt_project.nodes import DbtNode


def checked_sources(nodes: Sequence[DbtNode], test_behavior: TestBehavior) -> frozenset[str]:
    """The unique ids of the sources that the producer checks: those with freshness that a selected node reads."""
    reading = [node for node in nodes if not node.is_source]
    if test_behavior is TestBehavior.NONE:
        reading = [node for node in reading if not node.is_test]  # dbt is told to run none
    read = {parent for node in reading for parent in node.depends_on}
    return frozenset(node.unique_id for node in nodes if node.has_freshness and node.unique_id in read)


def source_tasks(
    nodes: Sequence[DbtNode], behavior: SourceRenderingBehavior, *, checked: Collection[str], tested: Collection[str]
) -> frozenset[str]:
    """The unique ids of the sources that become tasks. ``tested``: nodes that get a test task."""
    if behavior is SourceRenderingBehavior.NONE:
        return frozenset()
    sources = frozenset(node.unique_id for node in nodes if node.is_source)
    return sources if behavior is SourceRenderingBehavior.ALL else sources.intersection([*checked, *tested])
