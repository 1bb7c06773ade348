from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from shop_project import ShopProject, copy_shop, run_dbt

# Before anything imports Airflow: its first import writes into its home.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="heliograph-test-airflow-"))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ShopProject:
    """The shop project with the manifest dbt makes of it. Not to be changed by a test."""
    project = copy_shop(tmp_path_factory.mktemp("projects") / "shop")
    run_dbt(["--quiet", "parse", "--profiles-dir", "."], project=project.folder)
    return project


@pytest.fixture
def own_shop(tmp_path: Path) -> ShopProject:
    """A copy of the shop project for one test."""
    return copy_shop(tmp_path / "shop")
