"""Tests with several rendered parents, where each is to be a task of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.rendering.naming import as_id

ID_LIMIT: Final = 250
"""Characters Airflow allows for a task id, the ids of the groups around it included."""


def rendered_parents(test: DbtNode, rendered: Collection[str]) -> tuple[str, ...]:
    """The unique ids of the test's parents that have tasks, each once, in dbt's order."""
    return tuple(dict.fromkeys(parent for parent in test.depends_on if parent in rendered))


def with_several_parents(nodes: Iterable[DbtNode], rendered: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The rendered parents of each test that has several, by the test's unique id."""
    parents = {node.unique_id: rendered_parents(node, rendered) for node in nodes if node.is_test}
    return {test: found for test, found in parents.items() if len(found) > 1}


def without(tests: Mapping[str, list[DbtNode]], detached: Collection[str]) -> dict[str, list[DbtNode]]:
    """The tests of each node but for the detached ones; nodes that keep none are left out."""
    kept = {parent: [test for test in some if test.unique_id not in detached] for parent, some in tests.items()}
    return {parent: some for parent, some in kept.items() if some}


def detached_ids(tests: Iterable[DbtNode], *, taken: Collection[str], prefix_length: int) -> dict[str, str]:
    """The task id of each test: ``<test_name>_test``, or ``detached_<n>_test`` where that is taken or too long.

    Ids depend on the set of tests only, not on their order. ``prefix_length``: characters that the ids of groups around
    the task add to its id.
    """
    used = set(taken)
    ids: dict[str, str] = {}
    number = 0
    for test in sorted(tests, key=lambda test: test.unique_id):
        task_id = f"{as_id(test.dbt_name)}_test"
        while task_id in used or len(task_id) + prefix_length >= ID_LIMIT:
            task_id = f"detached_{number}_test"
            number += 1
        used.add(task_id)
        ids[test.unique_id] = task_id
    return ids
