from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from heliograph.airflow.config import ProjectConfig
from heliograph.airflow.errors import ConfigError
from shop_project import ShopProject


def test_takes_the_project_path_without_its_name(own_shop: ShopProject) -> None:
    config = ProjectConfig(str(own_shop.folder))

    assert config.project_dir == own_shop.folder
    assert config.manifest_file is None


def test_a_folder_without_a_project_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ProjectConfig(tmp_path)

    message = str(caught.value)
    assert f"No dbt_project.yml in {tmp_path}" in message
    assert "Setting: ProjectConfig.dbt_project_path" in message
    assert "Fix: give the folder of the dbt project" in message


def test_a_path_that_is_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is not a folder"):
        ProjectConfig(tmp_path / "nowhere")


def test_cannot_be_changed(own_shop: ShopProject) -> None:
    config = ProjectConfig(own_shop.folder)

    with pytest.raises(FrozenInstanceError):
        config.manifest_path = "other"  # type: ignore[misc]  # the point of the test


def test_everything_but_the_path_is_named(own_shop: ShopProject) -> None:
    with pytest.raises(TypeError):
        ProjectConfig(own_shop.folder, True)  # type: ignore[misc]  # the point of the test
