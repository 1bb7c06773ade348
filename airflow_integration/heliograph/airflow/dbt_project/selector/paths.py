"""Matching the files of a project without looking at the disk.

dbt expands ``path:`` against the folder of the root project; here the files and folders that its nodes name stand for
that folder, which gives the same nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from heliograph.airflow.dbt_project.nodes import DbtNode


def matching_paths(pattern: str, known: Iterable[str]) -> set[str]:
    """Those of the known files and folders that the glob ``pattern`` names; ``**`` spans any number of folders."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    return {path for path in known if _matches(path.split("/"), parts)}


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Dynamic over the pattern's parts: ``ends`` are the places in the path where a match of them can end."""
    ends = {0}
    for part in pattern:
        if part == "**":
            ends = set(range(min(ends), len(path) + 1))
        else:
            ends = {end + 1 for end in ends if end < len(path) and fnmatchcase(path[end], part)}
        if not ends:
            return False
    return len(path) in ends


def with_folders(path: str) -> list[str]:
    """The path and each folder above it."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def yml_path(node: DbtNode) -> str | None:
    """The yml file that describes the node, relative to its package (dbt writes ``package://path``)."""
    return None if node.patch_path is None else node.patch_path.partition("://")[2]


def root_paths(nodes: Iterable[DbtNode], root_package: str) -> set[str]:
    """The files and folders of the root project that its nodes name."""
    paths: set[str] = set()
    for node in nodes:
        if node.package_name == root_package:
            for path in (node.original_file_path, yml_path(node)):
                if path and path not in paths:
                    paths.update(with_folders(path))
    return paths
