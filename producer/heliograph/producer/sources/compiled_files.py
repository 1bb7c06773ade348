"""Where dbt writes compiled SQL, for a dbt that tells it only through its files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from heliograph.producer.sources.port import Json

KEYS: Final = ("package_name", "path", "original_file_path")
"""What must be known of a node to find its file."""

_READ_LIMIT: Final = 256 * 1024
_CLOCK_STEP_S: Final = 2.0
"""The coarsest step in which file systems keep times."""


class CompiledFiles:
    """Finds the compiled SQL of listed nodes below dbt's target folder.

    The path is built as ``ParsedNode.get_target_write_path`` does (dbt/contracts/graph/nodes.py): one file for each
    node, below the file that defines it where that one defines several.
    """

    def __init__(self, project_dir: Path, target_path: Path) -> None:
        self._project_dir = project_dir
        self._folder = target_path / "compiled"
        self._files: dict[str, Path] = {}
        self._defined_in: dict[str, str] = {}
        self._not_before = time.time() - _CLOCK_STEP_S

    def know(self, listed: Json) -> None:
        """Takes in one line of ``dbt ls``, with ``KEYS``."""
        if any(not isinstance(listed.get(key), str) for key in KEYS):
            return
        own, original = Path(listed["path"]), Path(listed["original_file_path"])
        below = original if own.name == original.name else original / own
        self._defined_in[listed["unique_id"]] = listed["original_file_path"]
        self._files[listed["unique_id"]] = self._folder / listed["package_name"] / below

    def defined_in(self, unique_id: str | None) -> str | None:
        """The project's file that defines the node."""
        return self._defined_in.get(unique_id or "")

    def read(self, unique_id: str | None) -> tuple[str, str] | None:
        """The compiled SQL and its path as seen from the project; None where dbt wrote none."""
        path = self._files.get(unique_id or "")
        if path is None:
            return None
        try:
            if path.stat().st_mtime < self._not_before:
                return None  # an earlier dbt left it
            with path.open(encoding="utf-8", errors="replace") as file:
                sql = file.read(_READ_LIMIT)
        except OSError:
            return None
        inside = path.is_relative_to(self._project_dir)
        return sql, str(path.relative_to(self._project_dir) if inside else path)
