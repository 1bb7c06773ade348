"""The dbt project on disk, as far as the producer needs to know it.

Read by pattern: dbt itself names projects with letters, digits and underscores at the top level only, and the side
that runs a foreign dbt has no YAML reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from heliograph.producer.errors import NotADbtProject

_NAME: Final = re.compile(r"""^name\s*:\s*['"]?([A-Za-z0-9_]+)""", re.MULTILINE)
_TARGET: Final = re.compile(r"""^target-path\s*:\s*['"]?([^'"{#\s]+)""", re.MULTILINE)
_TARGET_VARIABLES: Final = ("DBT_ENGINE_TARGET_PATH", "DBT_TARGET_PATH")


def project_name(project_dir: Path) -> str:
    """The project's name as its ``dbt_project.yml`` tells; the folder's where it tells none.

    Raises:
        NotADbtProject: there is no such file.
    """
    try:
        text = (project_dir / "dbt_project.yml").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NotADbtProject(project_dir) from None
    found = _NAME.search(text)
    return found[1] if found else project_dir.resolve().name


def own_target(project_dir: Path, env: Mapping[str, str]) -> Path:
    """The target folder that dbt takes where no option names one: the environment's, the project's, ``target``."""
    for name in _TARGET_VARIABLES:
        if env.get(name):
            return project_dir / env[name]
    try:
        found = _TARGET.search((project_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return project_dir / (found[1] if found else "target")
