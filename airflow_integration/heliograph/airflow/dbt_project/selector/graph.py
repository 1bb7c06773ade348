"""Ancestors and descendants in the graph of a project's nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heliograph.airflow.dbt_project.nodes import DbtNode


class NodeGraph:
    """Parents and children of every node; edges to nodes that are not there (disabled ones) are left out."""

    def __init__(self, nodes: Mapping[str, DbtNode]) -> None:
        self.nodes = nodes
        self._parents: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {unique_id: [] for unique_id in nodes}
        for unique_id, node in nodes.items():
            parents = [parent for parent in dict.fromkeys(node.depends_on) if parent in nodes]
            self._parents[unique_id] = parents
            for parent in parents:
                self._children[parent].append(unique_id)

    def ancestors(self, of: Iterable[str], generations: int | None = None) -> set[str]:
        """All nodes within that many generations above ``of``."""
        return _reach(self._parents, of, generations)

    def descendants(self, of: Iterable[str], generations: int | None = None) -> set[str]:
        """All nodes within that many generations below ``of``."""
        return _reach(self._children, of, generations)

    def tests_of(self, selected: Iterable[str]) -> set[str]:
        """The data tests and unit tests with at least one parent in ``selected``."""
        return {child for unique_id in selected for child in self._children[unique_id] if self.nodes[child].is_test}


def _reach(neighbours: Mapping[str, list[str]], start: Iterable[str], generations: int | None) -> set[str]:
    reached: set[str] = set()
    layer = set(start)
    while layer and (generations is None or generations > 0):
        layer = {neighbour for unique_id in layer for neighbour in neighbours[unique_id]} - reached
        reached |= layer
        if generations is not None:
            generations -= 1
    return reached
