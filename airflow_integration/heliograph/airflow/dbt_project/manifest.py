"""Reads a ``manifest.json``: only the fields needed, everything else is skipped while decoding.

Sections and fields are those of dbt's manifest schema, versions 12 and later
(https://schemas.getdbt.com/dbt/manifest/v12.json); unknown ones are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from heliograph.airflow.dbt_project.nodes import DbtNode, Relation
from heliograph.airflow.errors import ManifestError

_SETTING = "ProjectConfig.manifest_path"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest tells.

    Attributes:
        project_name: name of the root project.
        nodes: everything in it that has a unique id and takes part in dbt's graph, by unique id, in the order of
            dbt's sections and of the file.
        adapter_type: dbt's name of the warehouse it was made for, ``postgres``, ``snowflake``, ...
    """

    project_name: str
    nodes: dict[str, DbtNode]
    adapter_type: str | None = None


class _DependsOn(msgspec.Struct):
    nodes: list[str] = msgspec.field(default_factory=list)


class _TestMetadata(msgspec.Struct):
    name: str = ""


class RawNode(msgspec.Struct):
    """A node as dbt writes it, in a manifest and in the lines of ``dbt ls``."""

    resource_type: str
    name: str
    package_name: str
    unique_id: str = ""
    original_file_path: str = ""
    fqn: list[str] = msgspec.field(default_factory=list)
    depends_on: _DependsOn = msgspec.field(default_factory=_DependsOn)
    tags: list[str] = msgspec.field(default_factory=list)
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    patch_path: str | None = None
    version: str | int | float | None = None
    latest_version: str | int | float | None = None
    access: str | None = None
    source_name: str | None = None
    test_metadata: _TestMetadata | None = None
    meta: dict[str, Any] | None = None
    freshness: dict[str, Any] | None = None
    database: str | None = None
    schema: str | None = None
    alias: str | None = None
    identifier: str | None = None

    def to_node(self, unique_id: str) -> DbtNode:
        """The node as the rest of Heliograph sees it."""
        return DbtNode(
            unique_id=unique_id,
            resource_type=self.resource_type,
            package_name=self.package_name,
            dbt_name=self.name,
            original_file_path=self.original_file_path,
            fqn=tuple(self.fqn),
            depends_on=tuple(self.depends_on.nodes),
            tags=tuple(self.tags),
            config=self.config,
            patch_path=self.patch_path,
            version=None if self.version is None else str(self.version),
            latest_version=None if self.latest_version is None else str(self.latest_version),
            access=self.access,
            source_name=self.source_name,
            test_name=None if self.test_metadata is None else self.test_metadata.name,
            is_generic_test=self.test_metadata is not None,
            meta=self._whole_meta(),
            has_freshness=_can_be_stale(self.freshness),
            relation=self._relation(),
        )

    def _whole_meta(self) -> dict[str, Any]:
        # dbt 1.10 moved meta below config, and some kinds of nodes only have it there.
        in_config = self.config.get("meta")
        return {**(self.meta or {}), **(in_config if isinstance(in_config, dict) else {})}

    def _relation(self) -> Relation | None:
        identifier = self.alias or self.identifier
        if identifier is None or self.schema is None:
            return None
        return Relation(database=self.database or "", schema=self.schema, identifier=identifier)


def _can_be_stale(freshness: dict[str, Any] | None) -> bool:
    """Whether a source's freshness has a limit; dbt writes it with empty limits where none is set."""
    limits = (freshness or {}).get("warn_after"), (freshness or {}).get("error_after")
    return any(
        isinstance(limit, dict) and limit.get("count") is not None and limit.get("period") is not None
        for limit in limits
    )


class _Metadata(msgspec.Struct):
    dbt_schema_version: str = ""
    project_name: str | None = None
    adapter_type: str | None = None


class _RawManifest(msgspec.Struct):
    metadata: _Metadata
    nodes: dict[str, RawNode]
    sources: dict[str, RawNode] = msgspec.field(default_factory=dict)
    exposures: dict[str, RawNode] = msgspec.field(default_factory=dict)
    functions: dict[str, RawNode] = msgspec.field(default_factory=dict)
    unit_tests: dict[str, RawNode] = msgspec.field(default_factory=dict)
    metrics: dict[str, RawNode] = msgspec.field(default_factory=dict)
    semantic_models: dict[str, RawNode] = msgspec.field(default_factory=dict)
    saved_queries: dict[str, RawNode] = msgspec.field(default_factory=dict)

    def sections(self) -> Iterator[dict[str, RawNode]]:
        yield from (self.nodes, self.sources, self.exposures, self.functions, self.unit_tests)
        yield from (self.metrics, self.semantic_models, self.saved_queries)


_DECODER = msgspec.json.Decoder(_RawManifest)


def read_manifest(path: Path) -> Manifest:
    """Read the manifest, once for each state of the file within a process.

    Raises:
        ManifestError: the file is missing, empty, not JSON or not a dbt manifest.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise ManifestError(
            f"There is no manifest at {path}",
            setting=_SETTING,
            fix="make it with dbt parse, or give the path of the target/manifest.json",
        ) from error
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, mtime_ns: int, size: int) -> Manifest:  # noqa: ARG001 (mtime_ns is part of the cache's key)
    if size == 0:
        raise ManifestError(
            f"The manifest {path} is empty",
            setting=_SETTING,
            fix="make it anew with dbt parse, and copy it only when dbt has ended",
        )
    try:
        raw = _DECODER.decode(path.read_bytes())
    except OSError as error:
        raise ManifestError(
            f"The manifest {path} cannot be read: {error.strerror}", setting=_SETTING, fix="give a readable file"
        ) from error
    except msgspec.ValidationError as error:
        raise ManifestError(
            f"{path} is not a dbt manifest: {error}",
            setting=_SETTING,
            fix="give the manifest.json that dbt parse or dbt build writes into target/",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"The manifest {path} is not JSON: {error}",
            setting=_SETTING,
            fix="make it anew with dbt parse, and copy it only when dbt has ended",
        ) from error
    nodes = {unique_id: node.to_node(unique_id) for section in raw.sections() for unique_id, node in section.items()}
    return Manifest(project_name=raw.metadata.project_name or "", nodes=nodes, adapter_type=raw.metadata.adapter_type)
