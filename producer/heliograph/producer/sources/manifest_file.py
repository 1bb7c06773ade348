"""The ``manifest.json`` of a dbt that tells of the project only through its files."""

from __future__ import annotations

import json
from pathlib import Path

from heliograph.producer.freshness_scope import Upstream, upstream_of_artifact
from heliograph.producer.sources.port import Json

NO_MANIFEST = (
    "Sources cannot be checked before the build: dbt wrote no manifest.json. "
    "Fix: let it (--write-json, DBT_WRITE_JSON), or switch check_freshness off"
)


def read_upstream(target_path: Path, *, written_by: str | None) -> Upstream | None:
    """What the manifest tells of models and sources, if the invocation ``written_by`` wrote it: never an older one."""
    try:
        manifest: Json = json.loads((target_path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if written_by is None or manifest.get("metadata", {}).get("invocation_id") != written_by:
        return None
    return upstream_of_artifact(manifest)
