from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from heliograph.airflow.dbt_project.fingerprint import fingerprint
from shop_project import ShopProject


def _touch(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a model is edited": lambda folder: _touch(folder / "models" / "marts" / "daily.sql"),
    "a model grows": lambda folder: (folder / "models" / "marts" / "daily.sql").open("a").write("-- more\n"),
    "a file is added": lambda folder: (folder / "models" / "new.sql").write_text("select 1 as one"),
    "a file is removed": lambda folder: (folder / "tests" / "always_true.sql").unlink(),
    "a file is renamed": lambda folder: (folder / "tests" / "always_true.sql").rename(folder / "tests" / "true.sql"),
    "a local package is edited": lambda folder: _touch(folder / "local_packages" / "calendar" / "models" / "days.sql"),
    "packages are locked": lambda folder: (folder / "package-lock.yml").write_text("packages: []"),
    "a package is gone": lambda folder: (folder / "dbt_packages" / "calendar").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_with_the_project(own_shop: ShopProject, change: Callable[[Path], object]) -> None:
    before = fingerprint(own_shop.folder)

    change(own_shop.folder)

    assert fingerprint(own_shop.folder) != before


def test_a_package_outside_of_the_project_counts(own_shop: ShopProject, tmp_path: Path) -> None:
    outside = tmp_path / "calendar"
    (own_shop.folder / "local_packages" / "calendar").rename(outside)
    link = own_shop.folder / "dbt_packages" / "calendar"
    link.unlink()
    link.symlink_to(outside)
    before = fingerprint(own_shop.folder)

    _touch(outside / "models" / "days.sql")

    assert fingerprint(own_shop.folder) != before


def test_stays_when_dbt_only_ran(own_shop: ShopProject) -> None:
    before = fingerprint(own_shop.folder)

    for left_by_dbt in ("target/manifest.json", "logs/dbt.log", ".user.yml"):
        path = own_shop.folder / left_by_dbt
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")

    assert fingerprint(own_shop.folder) == before


def test_a_link_to_nothing_is_passed_over(own_shop: ShopProject) -> None:
    (own_shop.folder / "models" / "gone.sql").symlink_to(own_shop.folder / "nowhere.sql")

    assert fingerprint(own_shop.folder)
