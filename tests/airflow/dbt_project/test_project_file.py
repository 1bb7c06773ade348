from __future__ import annotations

from pathlib import Path

import pytest

from heliograph.airflow.dbt_project.project_file import needs_deps, packages_folder, project_name
from shop_project import ShopProject


@pytest.mark.parametrize(
    ("filename", "content", "needed"),
    [
        ("packages.yml", "packages:\n  - local: ../calendar\n", True),
        ("dependencies.yml", "packages:\n  - package: a/b\n    version: 1.0.0\n", True),
        ("dependencies.yml", "projects:\n  - name: other\n", False),
        ("packages.yml", "", False),
        ("packages.yml", "packages: []\n", False),
        ("packages.yml", "packages:\n{% if x %}\n  - local: a\n{% endif %}\n", True),
    ],
)
def test_deps_are_needed_where_packages_are_named(tmp_path: Path, filename: str, content: str, needed: bool) -> None:
    (tmp_path / filename).write_text(content)

    assert needs_deps(tmp_path) is needed


def test_deps_are_not_needed_without_package_files(tmp_path: Path) -> None:
    assert not needs_deps(tmp_path)


def test_the_project_is_called_as_its_file_says(own_shop: ShopProject) -> None:
    assert project_name(own_shop.folder) == "shop"


def test_a_project_without_a_name_is_called_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("version: 1\n")

    assert project_name(tmp_path) == tmp_path.name


def test_packages_are_where_the_project_file_puts_them(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("packages-install-path: vendored\n")

    assert packages_folder(tmp_path) == tmp_path / "vendored"
