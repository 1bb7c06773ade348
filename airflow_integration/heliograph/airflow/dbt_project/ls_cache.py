"""Keeps what ``dbt ls`` said in a local folder, so that a DAG file that is parsed again does not run dbt again.

Every worker process parses the DAG file for each of its tasks, and the DAG processor does all the time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heliograph.airflow.errors import ConfigError

FORMAT = 1
"""Part of every key; raised when what is stored changes its form."""

KEPT_OUTPUTS = 32
"""Outputs kept for one project: room for several DAGs with selections of their own."""


def default_folder() -> Path:
    """A folder of this user in the machine's folder for temporary files."""
    return Path(tempfile.gettempdir()) / f"heliograph-{os.getuid()}" / "dbt_ls"


class LsCache:
    """Output of ``dbt ls`` for one project, by key. Safe for many processes: files are written whole or not at all."""

    def __init__(self, project_dir: Path, *, folder: Path | None = None) -> None:
        """Makes the folder, readable for this user only.

        Raises:
            ConfigError: the folder cannot be made, or belongs to another user.
        """
        root = default_folder() if folder is None else folder
        self.folder = root / digest({"project": str(project_dir.resolve())})
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True)
            owner = root.stat().st_uid
        except OSError as error:
            raise _unusable(root, str(error.strerror)) from error
        if owner != os.getuid():
            raise _unusable(root, "it belongs to another user")

    def read(self, key: str) -> str | None:
        """What was written under the key."""
        try:
            return self._path(key).read_text(encoding="utf-8")
        except OSError:
            return None

    def write(self, key: str, output: str) -> None:
        """Keep the output under the key; the oldest outputs of the project are let go."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.folder, suffix=".part", delete=False) as part:
            part.write(output)
        Path(part.name).replace(self._path(key))
        kept = sorted(self.folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in kept[KEPT_OUTPUTS:]:
            path.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Waits until no other process of this machine holds the lock of this project."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.jsonl"


def _unusable(folder: Path, why: str) -> ConfigError:
    return ConfigError(
        f"The folder {folder} for the output of dbt ls cannot be used: {why}",
        setting="TMPDIR",
        fix="set it to a folder this user can write, or read the nodes from a manifest",
    )


def digest(parts: Mapping[str, Any]) -> str:
    """A key for those parts; texts, numbers, lists and mappings of them."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
