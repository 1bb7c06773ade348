"""The order in which nodes become tasks: parents first, the same in every process."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.errors import ManifestError


def topological(nodes: Sequence[DbtNode]) -> list[DbtNode]:
    """The nodes, each after all of its parents among them; the same for the same order given.

    Raises:
        ManifestError: the nodes depend on each other in a circle.
    """
    by_id = {node.unique_id: node for node in nodes}
    sorter = TopologicalSorter({uid: [p for p in node.depends_on if p in by_id] for uid, node in by_id.items()})
    try:
        return [by_id[unique_id] for unique_id in sorter.static_order()]
    except CycleError as error:
        raise ManifestError(
            f"These nodes depend on each other in a circle: {', '.join(error.args[1])}",
            setting="ProjectConfig.manifest_path",
            fix="make the manifest anew with dbt parse",
        ) from error
