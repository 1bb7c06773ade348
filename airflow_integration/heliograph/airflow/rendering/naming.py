"""Ids of tasks and groups.

A node is called by the part of its unique id after the second dot, with ``_`` for each further dot. Alone it is
``<name>_run``, ``<name>_seed``, ``<name>_snapshot`` or ``<name>_source``; with a test task the group ``<name>`` holds
``run``, ``seed``, ``snapshot`` or ``source`` and ``test``.

Where two nodes would get the same id at the top level, those of the root project keep it and the others are called
``<package>__<name>``; what still clashes (a seed and a model of one name) is called
``<package>__<resource type>__<name>``, and at last numbered in the order of the unique ids. Ids so depend on the set of
nodes only, not on their order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable

from heliograph.airflow.constants import DbtResourceType
from heliograph.airflow.dbt_project.nodes import DbtNode

VERBS: dict[str, str] = {
    DbtResourceType.MODEL: "run",
    DbtResourceType.SEED: "seed",
    DbtResourceType.SNAPSHOT: "snapshot",
    DbtResourceType.SOURCE: "source",
}
"""What the task of a node is called, by resource type."""

TEST_TASK = "test"

MAX_NAME_LENGTH = 180
"""Longer names are cut: Airflow allows 250 characters for an id with the ids of the groups around it."""

_NOT_ALLOWED = re.compile(r"[^\w-]")


def top_level_ids(
    nodes: Iterable[DbtNode],
    *,
    grouped: Collection[str] = (),
    root_package: str | None = None,
    reserved: Collection[str] = (),
) -> dict[str, str]:
    """The id of each node's group or single task, by unique id; all different and none of ``reserved``.

    Args:
        nodes: the nodes to be rendered.
        grouped: unique ids of the nodes that get a group.
        root_package: the package whose nodes keep their plain ids in a clash.
        reserved: ids that are taken.
    """
    open_nodes = sorted(nodes, key=lambda node: node.unique_id)
    taken = set(reserved)
    ids: dict[str, str] = {}
    for names in (_plain, _with_package, _with_package_and_type):
        wanted: dict[str, list[DbtNode]] = {}
        for node in open_nodes:
            wanted.setdefault(_id(names(node), node, grouped), []).append(node)
        open_nodes = []
        for top_id, claimants in wanted.items():
            owner = _owner(claimants, root_package) if top_id not in taken else None
            if owner is not None:
                ids[owner.unique_id] = top_id
                taken.add(top_id)
            open_nodes.extend(node for node in claimants if node is not owner)
    for node in open_nodes:
        ids[node.unique_id] = _numbered(node, grouped, taken)
        taken.add(ids[node.unique_id])
    return ids


def _owner(claimants: list[DbtNode], root_package: str | None) -> DbtNode | None:
    if len(claimants) == 1:
        return claimants[0]
    of_root = [node for node in claimants if node.package_name == root_package]
    return of_root[0] if len(of_root) == 1 else None


def _plain(node: DbtNode) -> str:
    return node.name


def _with_package(node: DbtNode) -> str:
    return f"{node.package_name}__{node.name}"


def _with_package_and_type(node: DbtNode) -> str:
    return f"{node.package_name}__{node.resource_type}__{node.name}"


def _numbered(node: DbtNode, grouped: Collection[str], taken: Collection[str]) -> str:
    number = 2
    while (top_id := _id(f"{_with_package_and_type(node)}__{number}", node, grouped)) in taken:
        number += 1
    return top_id


def as_id(name: str) -> str:
    """The name with ``_`` for each character that an Airflow id cannot hold."""
    return _NOT_ALLOWED.sub("_", name)


def _id(name: str, node: DbtNode, grouped: Collection[str]) -> str:
    allowed = as_id(name)
    if len(allowed) > MAX_NAME_LENGTH:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        allowed = f"{allowed[: MAX_NAME_LENGTH - 9]}_{digest}"
    return allowed if node.unique_id in grouped else f"{allowed}_{VERBS[node.resource_type]}"
