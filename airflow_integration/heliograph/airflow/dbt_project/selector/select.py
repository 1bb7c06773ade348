"""Selects nodes: set logic over the criteria and dbt's indirect selection of tests.

Each part of a selection yields two sets: what it selects, and tests it would select too if their other parents turned
up elsewhere in the selection. The second is only used in the modes CAUTIOUS and BUILDABLE
(https://docs.getdbt.com/reference/node-selection/test-selection-examples).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import and_, or_, sub
from typing import NamedTuple

from heliograph.airflow.constants import DbtResourceType, TestIndirectSelection
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.dbt_project.selector.grammar import Criterion, Intersection, parse
from heliograph.airflow.dbt_project.selector.graph import NodeGraph
from heliograph.airflow.dbt_project.selector.methods import Project, matching

_SetOperation = Callable[[set[str], set[str]], set[str]]


class _Found(NamedTuple):
    selected: set[str]
    possible: set[str]
    """``selected`` and the tests that wait for other parents."""


def select_nodes(
    nodes: Mapping[str, DbtNode],
    *,
    select: Iterable[str] = (),
    exclude: Iterable[str] = (),
    indirect_selection: TestIndirectSelection = TestIndirectSelection.EAGER,
    project_name: str,
) -> dict[str, DbtNode]:
    """The nodes dbt would list for these arguments, in the order of ``nodes``.

    Raises:
        SelectorError: an expression is not understood.
    """
    wanted, unwanted = parse(select), parse(exclude)
    if not wanted and not unwanted:
        return dict(nodes)
    selection = _Selection(nodes, project_name, indirect_selection)
    found = selection.union(wanted) if wanted else _Found(set(nodes), set(nodes))
    if unwanted:
        left_out = selection.union(unwanted)
        found = selection.combined(sub, [found, left_out])
    return {unique_id: node for unique_id, node in nodes.items() if unique_id in found.selected}


class _Selection:
    def __init__(self, nodes: Mapping[str, DbtNode], project_name: str, indirect: TestIndirectSelection) -> None:
        self._project = Project(nodes, project_name)
        self._graph = NodeGraph(nodes)
        self._indirect = indirect
        self._sources = {uid for uid, node in nodes.items() if node.resource_type == DbtResourceType.SOURCE}

    def union(self, intersections: Iterable[Intersection]) -> _Found:
        return self.combined(or_, [self._intersection(criteria) for criteria in intersections])

    def _intersection(self, criteria: Intersection) -> _Found:
        return self.combined(and_, [self._criterion(criterion) for criterion in criteria])

    def combined(self, operation: _SetOperation, parts: list[_Found]) -> _Found:
        selected = reduce(operation, (part.selected for part in parts))
        possible = reduce(operation, (part.possible for part in parts))
        return _Found(selected | self._completed(selected, possible - selected), possible)

    def _completed(self, selected: set[str], waiting: set[str]) -> set[str]:
        """The waiting tests whose parents are now all there."""
        if not waiting or self._indirect not in (TestIndirectSelection.CAUTIOUS, TestIndirectSelection.BUILDABLE):
            return set()
        there = selected
        if self._indirect is TestIndirectSelection.BUILDABLE:
            there = selected | self._graph.ancestors(selected)
        return {test for test in waiting if self._has_parents_in(there, test)}

    def _criterion(self, criterion: Criterion) -> _Found:
        matched = matching(criterion, self._project)
        selected = matched | self._relatives(criterion, matched)
        if self._indirect is TestIndirectSelection.EMPTY:
            return _Found(selected, selected)
        tests = self._graph.tests_of(selected)
        if self._indirect is TestIndirectSelection.EAGER:
            return _Found(selected | tests, selected | tests)
        there = selected
        if self._indirect is TestIndirectSelection.BUILDABLE:
            there = selected | self._graph.ancestors(selected) | self._sources
        complete = {test for test in tests if self._has_parents_in(there, test)}
        return _Found(selected | complete, selected | tests)

    def _relatives(self, criterion: Criterion, matched: set[str]) -> set[str]:
        related: set[str] = set()
        if criterion.childrens_parents:
            family = matched | self._graph.descendants(matched)
            related |= family | self._graph.ancestors(family)
        if criterion.parents != 0:
            related |= self._graph.ancestors(matched, criterion.parents)
        if criterion.children != 0:
            related |= self._graph.descendants(matched, criterion.children)
        return related

    def _has_parents_in(self, there: set[str], test: str) -> bool:
        return there.issuperset(self._project.nodes[test].depends_on)
