"""Matching a node's name: bare names, dotted prefixes of the fully qualified name, wildcards, versions."""

from __future__ import annotations

from fnmatch import fnmatchcase

from heliograph.airflow.constants import DbtResourceType
from heliograph.airflow.dbt_project.nodes import DbtNode

_WILDCARDS = frozenset("*?[]")


def matches_fqn(node: DbtNode, name: str) -> bool:
    """Whether dbt's ``fqn`` method (and a bare word) selects the node, with or without its package in front."""
    versioned = node.resource_type == DbtResourceType.MODEL and node.version is not None
    return any(_matches(fqn, name, versioned=versioned) for fqn in (node.fqn, node.fqn[1:]) if fqn)


def _matches(fqn: tuple[str, ...], name: str, *, versioned: bool) -> bool:
    leaf = fqn[-2] if versioned and len(fqn) > 1 else fqn[-1]
    wanted = name.split(".")
    if leaf == name or (versioned and "_".join(fqn[-2:]) == "_".join(wanted[-2:])):
        return True
    have = ".".join(fqn).split(".")
    if len(have) < len(wanted):
        return False
    first_wild = next((at for at, part in enumerate(wanted) if _WILDCARDS & set(part)), None)
    if first_wild is None:
        return have[: len(wanted)] == wanted
    if have[:first_wild] != wanted[:first_wild]:
        return False
    if fnmatchcase(".".join(have[first_wild:]), ".".join(wanted[first_wild:])):
        return True
    return len(wanted) == 1 and fnmatchcase(leaf, name)
