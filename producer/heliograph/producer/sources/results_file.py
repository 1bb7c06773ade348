"""The ``run_results.json`` or ``sources.json`` of one dbt command: where it stands, and whose it is."""

from __future__ import annotations

import json
from typing import Final

from heliograph.producer.sources.port import Invocation, Json

RUN_RESULTS: Final = "run_results.json"
SOURCES: Final = "sources.json"
"""What ``dbt source freshness`` writes instead."""

# RunExecutionResult is the class that writes; the others are its names in other versions of dbt.
_WRITERS: Final = {
    RUN_RESULTS: frozenset({"RunExecutionResult", "RunResults", "RunResultsArtifact"}),
    SOURCES: frozenset({"FreshnessResult"}),
}


class ResultsFile:
    """Learns from dbt's events where dbt wrote its results and which invocation it was."""

    def __init__(self, invocation: Invocation, name: str = RUN_RESULTS) -> None:
        self._project_dir = invocation.project_dir
        self._path = invocation.target_path / name
        self._writers = _WRITERS[name]
        self._invocation_id: str | None = None

    def note(self, name: str, *, info: Json, data: Json) -> None:
        """Takes in one of dbt's events."""
        if name == "MainReportVersion":
            self._invocation_id = info.get("invocation_id")
        elif name == "ArtifactWritten" and data.get("artifact_type") in self._writers:
            self._path = self._project_dir / str(data.get("artifact_path"))

    def read(self) -> Json | None:
        """The whole file, if this invocation wrote it: never an older one."""
        try:
            content: Json = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        written_by = content.get("metadata", {}).get("invocation_id")
        return content if self._invocation_id is not None and written_by == self._invocation_id else None
