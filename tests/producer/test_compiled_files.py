import os
from pathlib import Path

import pytest

from heliograph.producer.sources.compiled_files import CompiledFiles


@pytest.fixture
def compiled(tmp_path: Path) -> CompiledFiles:
    return CompiledFiles(tmp_path, tmp_path / "target")


def listed(path: str, original: str) -> dict[str, str]:
    return {"unique_id": "n", "package_name": "shop", "path": path, "original_file_path": original}


@pytest.mark.parametrize(
    ("path", "original", "file"),
    [
        ("staging/a.sql", "models/staging/a.sql", "target/compiled/shop/models/staging/a.sql"),
        ("not_null_a.sql", "models/schema.yml", "target/compiled/shop/models/schema.yml/not_null_a.sql"),
    ],
)
def test_finds_the_file_dbt_writes(
    compiled: CompiledFiles, tmp_path: Path, path: str, original: str, file: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("select 1")
    compiled.know(listed(path, original))
    assert compiled.read("n") == ("select 1", file)


def test_an_older_file_is_not_this_runs(compiled: CompiledFiles, tmp_path: Path) -> None:
    file = tmp_path / "target/compiled/shop/models/a.sql"
    file.parent.mkdir(parents=True)
    file.write_text("select 'old'")
    os.utime(file, (0, 0))
    compiled.know(listed("a.sql", "models/a.sql"))
    assert compiled.read("n") is None


def test_what_has_no_file_has_no_sql(compiled: CompiledFiles) -> None:
    compiled.know({"unique_id": "n"})
    assert compiled.read("n") is None
    assert compiled.read(None) is None
