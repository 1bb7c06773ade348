"""The generated project must be what the benchmark says it measures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.project import ProjectShape, generate

URL = "postgresql://someone:pass%20word@127.0.0.1:5433/warehouse"


def _parents(project: Path) -> dict[str, list[str]]:
    return {file.stem: re.findall(r"ref\('(\w+)'\)", file.read_text()) for file in (project / "models").glob("*.sql")}


def test_every_model_after_the_first_layer_depends_on_one_to_three_of_the_layer_before(tmp_path: Path) -> None:
    generate(tmp_path, ProjectShape(models=23, layers=4), warehouse_url=URL)
    parents = _parents(tmp_path)
    assert len(parents) == 23
    for name, of_model in parents.items():
        layer = int(name.split("_")[1])
        assert bool(of_model) is (layer > 0)
        assert len(set(of_model)) == len(of_model) <= 3
        assert all(int(parent.split("_")[1]) == layer - 1 and parent in parents for parent in of_model)


def test_the_same_shape_gives_the_same_project(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, ProjectShape(models=9, layers=3), warehouse_url=URL)
    assert _parents(tmp_path / "one") == _parents(tmp_path / "two")


def test_the_profile_names_the_warehouse_with_its_decoded_password(tmp_path: Path) -> None:
    generate(tmp_path, ProjectShape(models=1, layers=1, threads=3), warehouse_url=URL)
    profile = (tmp_path / "profiles.yml").read_text()
    assert 'password: "pass word"' in profile
    assert "port: 5433" in profile
    assert "threads: 3" in profile


@pytest.mark.parametrize("shape", [{"layers": 0}, {"models": 3, "layers": 4}, {"threads": 0}, {"sleep_s": -1.0}])
def test_an_impossible_shape_is_refused(shape: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ProjectShape(**shape)  # type: ignore[arg-type]  # integers, written as the wider type
