"""Which sources a selection reads. Imports the standard library only: the process that runs dbt uses it too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliograph.producer.sources.port import Json, SelectedNode


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """What of the project a selected node may read without its being selected.

    ``ephemerals``: ephemeral models, which are part of others' SQL; ``sources``: those with freshness criteria.
    """

    ephemerals: Mapping[str, SelectedNode]
    sources: Mapping[str, SelectedNode]


def with_sources(
    nodes: Sequence[SelectedNode], upstream: Upstream, *, asked: Collection[str] = ()
) -> list[SelectedNode]:
    """The selected nodes, the sources to check before them, and the ephemeral models in between.

    Sources that no selected node reads are left out, even where the selection names them: a build reports none.
    Those among ``asked``, unique ids that a retry is about, are checked all the same.
    """
    found = {node.unique_id: node for node in nodes if node.resource_type != "source"}
    waiting = list(found.values())
    while waiting:
        for parent in waiting.pop().depends_on:
            node = upstream.ephemerals.get(parent) or upstream.sources.get(parent)
            if node is not None and parent not in found:
                found[parent] = node
                waiting.append(node)
    found |= {source: upstream.sources[source] for source in asked if source in upstream.sources}
    return list(found.values())


def upstream_of_manifest(nodes: Iterable[Any], sources: Iterable[Any]) -> Upstream:
    """From dbt's own objects."""
    return Upstream(
        ephemerals={
            node.unique_id: _ephemeral(node.unique_id, node.name, node.depends_on.nodes)
            for node in nodes
            if node.resource_type == "model" and node.config.materialized == "ephemeral"
        },
        sources={
            source.unique_id: checked_source(source.unique_id, source.name)
            for source in sources
            if source.has_freshness
        },
    )


def upstream_of_artifact(manifest: Json) -> Upstream:
    """From ``manifest.json``."""
    return Upstream(
        ephemerals={
            uid: _ephemeral(uid, node["name"], node["depends_on"]["nodes"])
            for uid, node in manifest["nodes"].items()
            if node["resource_type"] == "model" and node["config"]["materialized"] == "ephemeral"
        },
        sources={
            uid: checked_source(uid, source["name"])
            for uid, source in manifest["sources"].items()
            if has_criteria(source.get("freshness"))
        },
    )


def has_criteria(freshness: Json | None) -> bool:
    """Whether a source's ``freshness`` names an age, as ``FreshnessThreshold`` tells it (dbt 1.8 to 1.11)."""
    ages = ((freshness or {}).get(name) or {} for name in ("warn_after", "error_after"))
    return any(age.get("count") is not None and age.get("period") is not None for age in ages)


def checked_source(unique_id: str, name: str) -> SelectedNode:
    return SelectedNode(unique_id=unique_id, resource_type="source", name=name, checked=True)


def _ephemeral(unique_id: str, name: str, parents: Iterable[str]) -> SelectedNode:
    return SelectedNode(
        unique_id=unique_id,
        resource_type="model",
        name=name,
        depends_on=tuple(parents),
        materialized="ephemeral",
    )
