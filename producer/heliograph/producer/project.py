"""The dbt project on disk, as far as the producer needs to know it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from heliograph.producer.errors import NotADbtProject

_NAME: Final = re.compile(r"""^name\s*:\s*['"]?([A-Za-z0-9_]+)""", re.MULTILINE)


def project_name(project_dir: Path) -> str:
    """The project's name as its ``dbt_project.yml`` tells; the folder's where it tells none.

    Read by pattern: dbt itself names projects with letters, digits and underscores at the top level only, and the
    side that runs a foreign dbt has no YAML reader.

    Raises:
        NotADbtProject: there is no such file.
    """
    try:
        text = (project_dir / "dbt_project.yml").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NotADbtProject(project_dir) from None
    found = _NAME.search(text)
    return found[1] if found else project_dir.resolve().name
