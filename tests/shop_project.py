"""The fixture dbt project ``shop``: a copy of it that dbt has parsed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "airflow" / "projects" / "shop"
LEFT_BY_DBT = ("target", "logs", "dbt_packages", "package-lock.yml", ".user.yml")


@dataclass(frozen=True, kw_only=True)
class ShopProject:
    """A copy of the project, its local package installed."""

    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "target" / "manifest.json"

    @property
    def profiles_yml(self) -> Path:
        return self.folder / "profiles.yml"


def copy_shop(folder: Path) -> ShopProject:
    """A copy with the package where ``dbt deps`` would put it."""
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(*LEFT_BY_DBT))
    packages = folder / "dbt_packages"
    packages.mkdir()
    (packages / "calendar").symlink_to(folder / "local_packages" / "calendar")
    return ShopProject(folder=folder)


def run_dbt(arguments: list[str], *, project: Path, env: dict[str, str] | None = None) -> str:
    """What dbt printed; fails with all of it when dbt fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", *arguments],
        cwd=project,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
