"""A target folder of a command's own."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from dbt_runs import DBT, Ran, Shop
from heliograph.producer.private_target import PARSED, parsed_project_shared
from heliograph.producer.sources.port import Invocation
from watched_log import WatchedLog

SOURCES: list[Any] = [pytest.param({}, id="callbacks"), pytest.param({"dbt_executable": DBT}, id="json_lines")]
STG = "model.shop.stg_orders"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "target").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: p\n")
    return folder


def invocation(project: Path, *args: str, **env: str) -> Invocation:
    return Invocation(args=("build", *args), project_dir=project, env=env, target_dir=project.parent / "own" / "target")


def put(path: Path, text: str, *, at: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def test_the_newer_parsed_project_is_brought_in_and_what_dbt_wrote_back(project: Path, tmp_path: Path) -> None:
    shared, own = project / "target" / PARSED, tmp_path / "own" / "target" / PARSED
    put(shared, "first", at=100)
    with parsed_project_shared(invocation(project)):
        assert own.read_text() == "first"
        put(own, "second", at=200)
        assert shared.read_text() == "first"
    assert shared.read_text() == "second"
    assert [path.name for path in shared.parent.iterdir()] == [PARSED]


def test_what_dbt_did_not_write_is_not_brought_back(project: Path) -> None:
    shared = project / "target" / PARSED
    put(shared, "first", at=100)
    with parsed_project_shared(invocation(project)):
        put(shared, "of another run", at=300)
    assert shared.read_text() == "of another run"


def test_an_older_parsed_project_does_not_replace_a_newer_own(project: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "target" / PARSED
    put(project / "target" / PARSED, "old", at=100)
    put(own, "new", at=200)
    with parsed_project_shared(invocation(project)):
        assert own.read_text() == "new"


def test_the_users_own_target_path_is_left_alone(project: Path, tmp_path: Path) -> None:
    put(project / "target" / PARSED, "first", at=100)
    theirs = invocation(project, "--target-path", str(tmp_path / "theirs"))
    with parsed_project_shared(theirs):
        assert not (tmp_path / "theirs").exists()
    assert theirs.words.count("--target-path") == 1
    assert theirs.target_path == tmp_path / "theirs"


@pytest.mark.parametrize(
    ("line", "env", "folder"),
    [
        ("target-path: 'out'", {}, "out"),
        ("target-path: out", {"DBT_TARGET_PATH": "elsewhere"}, "elsewhere"),
        ('target-path: "{{ env_var(1) }}"', {}, "target"),
    ],
)
def test_the_projects_own_folder_is_where_dbt_would_write(
    project: Path, tmp_path: Path, line: str, env: dict[str, str], folder: str
) -> None:
    (project / "dbt_project.yml").write_text(f"name: p\n{line}\n")
    put(project / folder / PARSED, "first", at=100)
    with parsed_project_shared(invocation(project, **env)):
        assert (tmp_path / "own" / "target" / PARSED).read_text() == "first"


def test_a_folder_that_cannot_be_written_fails_nothing(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(project / "target" / PARSED, "first", at=100)
    (project.parent / "own").write_text("a file where a folder should be")
    with caplog.at_level("INFO"), parsed_project_shared(invocation(project)):
        pass
    assert "was not copied" in caplog.text


@pytest.mark.parametrize("source", SOURCES)
def test_two_runs_of_one_project_at_the_same_time_share_no_file(tmp_path: Path, source: dict[str, Any]) -> None:
    shop = Shop.copy(tmp_path / "shop", breaking="model")
    logs = [WatchedLog(), WatchedLog()]
    targets = [tmp_path / "one", shop.folder / "runs" / "two"]
    seeds, models = (
        shop.command(command, *words, log=log, target_dir=target, **source)
        for command, words, log, target in zip(
            ("seed", "run"), ((), ("--select", "customers")), logs, targets, strict=True
        )
    )
    results: dict[str, Any] = {}
    other = threading.Thread(target=lambda: results.update(seeds=seeds.run()))
    other.start()
    results["models"] = models.run()
    other.join()
    for name, target in zip(("seeds", "models"), targets, strict=True):
        assert json.loads((target / "run_results.json").read_text()) == results[name].run_results
        # Parsed as little as where dbt has its own folder.
        assert "Unable to do partial parsing" not in (target / "logs" / "dbt.log").read_text()
    assert {result["unique_id"] for result in results["seeds"].run_results["results"]} >= {"seed.shop.raw_orders"}
    assert "model.shop.customers" in {result["unique_id"] for result in results["models"].run_results["results"]}
    assert [path.name for path in (shop.folder / "target").iterdir()] == [PARSED]
    assert not (shop.folder / "logs").exists()
    ran = Ran(shop=shop, result=results["models"], events=logs[1].events)
    end = ran.end("model.shop.customers")
    assert end.compiled_sql_path == "runs/two/compiled/shop/models/customers.sql"
    assert (shop.folder / end.compiled_sql_path).read_text().strip() == (end.compiled_sql or "").strip()
