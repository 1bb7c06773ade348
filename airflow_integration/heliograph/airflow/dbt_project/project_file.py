"""What can be read from the yml files of a project folder without dbt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from heliograph.airflow.constants import DBT_PROJECT_FILENAME

PACKAGE_FILENAMES = ("packages.yml", "dependencies.yml")
DEFAULT_PACKAGES_FOLDER = "dbt_packages"


def project_name(project_dir: Path) -> str:
    """The project's name in dbt; the folder's name where the project file does not tell it."""
    name = _read(project_dir / DBT_PROJECT_FILENAME).get("name")
    return name if isinstance(name, str) else project_dir.name


def needs_deps(project_dir: Path) -> bool:
    """Whether the project names packages, so that ``dbt deps`` has something to install.

    A package file that only dbt can read, because of its Jinja, counts as naming some.
    """
    return any(_names_packages(project_dir / filename) for filename in PACKAGE_FILENAMES)


def packages_folder(project_dir: Path) -> Path:
    """Where ``dbt deps`` puts packages."""
    folder = _read(project_dir / DBT_PROJECT_FILENAME).get("packages-install-path")
    if isinstance(folder, str) and "{{" not in folder:
        return project_dir / folder
    return project_dir / DEFAULT_PACKAGES_FOLDER


def _names_packages(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        return bool(_load(path).get("packages"))
    except yaml.YAMLError:
        return True


def _read(path: Path) -> dict[str, Any]:
    try:
        return _load(path)
    except (OSError, yaml.YAMLError):
        return {}


def _load(path: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (a safe loader)
    return loaded if isinstance(loaded, dict) else {}
