from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.constants import InvocationMode, LoadMode, TestIndirectSelection
from heliograph.airflow.dbt_project.load import DbtGraph, load_graph
from heliograph.airflow.errors import ConfigError, DbtListError
from heliograph.airflow.profiles import DuckDBUserPasswordProfileMapping
from shop_project import ShopProject


def _profile(shop: ShopProject) -> ProfileConfig:
    return ProfileConfig("shop", "dev", profiles_yml_filepath=shop.profiles_yml)


def _load(
    project: ProjectConfig,
    *,
    render: RenderConfig | None = None,
    execution: ExecutionConfig | None = None,
    profile: ProfileConfig | None = None,
    cache_dir: Path | None = None,
) -> DbtGraph:
    return load_graph(
        project=project,
        render=render or RenderConfig(),
        execution=execution or ExecutionConfig(),
        profile=profile,
        cache_dir=cache_dir,
    )


def _counting_dbt(folder: Path) -> Path:
    """Stands in for dbt: notes each call, and lists one model that is named after how often it was called to list."""
    folder.mkdir()
    executable = folder / "dbt"
    node = '{"unique_id": "model.shop.listed_%s", "name": "m", "resource_type": "model", "package_name": "shop"}'
    executable.write_text(
        f"""#!/bin/sh
        case " $* " in
          *" deps "*) echo deps >> {folder}/deps ;;
          *) echo ls >> {folder}/ls; echo 'a log line'; printf '{node}\\n' "$(grep -c . {folder}/ls)" ;;
        esac
        """
    )
    executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
    return executable


def test_automatic_reads_the_manifest_where_one_is_given(shop: ShopProject) -> None:
    graph = _load(
        ProjectConfig(shop.folder, manifest_path=shop.manifest),
        render=RenderConfig(select=["+daily"], exclude=["raw_days"]),
    )

    assert (graph.project_name, graph.load_method) == ("shop", LoadMode.DBT_MANIFEST)
    assert len(graph.nodes) > len(graph.filtered_nodes)
    buildable = {node.name for node in graph.filtered_nodes.values() if node.is_buildable}
    assert buildable == {"daily", "days", "stg_orders", "raw_orders"}


def test_a_manifest_alone_is_enough_to_render(shop: ShopProject) -> None:
    graph = _load(
        ProjectConfig(manifest_path=shop.manifest), execution=ExecutionConfig(dbt_project_path="/only/on/the/worker")
    )

    assert graph.filtered_nodes == graph.nodes


def test_dbt_ls_and_manifest_give_the_same_nodes(shop: ShopProject, tmp_path: Path) -> None:
    render: dict[str, Any] = {"select": ["stg_customers+"], "exclude": ["customers_history"]}
    execution = ExecutionConfig(test_indirect_selection=TestIndirectSelection.CAUTIOUS)
    project = ProjectConfig(shop.folder, manifest_path=shop.manifest, install_dbt_deps=False)

    listed = _load(
        project,
        render=RenderConfig(load_method=LoadMode.DBT_LS, **render),
        execution=execution,
        profile=_profile(shop),
        cache_dir=tmp_path,
    )
    read = _load(project, render=RenderConfig(load_method=LoadMode.DBT_MANIFEST, **render), execution=execution)

    assert listed.load_method is LoadMode.DBT_LS
    assert set(listed.filtered_nodes) == set(read.filtered_nodes)
    for unique_id, node in listed.filtered_nodes.items():
        assert node == read.filtered_nodes[unique_id]


def test_dbt_is_asked_once_until_the_project_or_the_question_changes(own_shop: ShopProject, tmp_path: Path) -> None:
    executable = _counting_dbt(tmp_path / "bin")
    profile = ProfileConfig("shop", "dev", profile_mapping=DuckDBUserPasswordProfileMapping("no_such_connection"))

    def listed(select: str, **project: Any) -> str:
        graph = _load(
            ProjectConfig(own_shop.folder, **project),
            render=RenderConfig(dbt_executable_path=executable, select=select),
            profile=profile,
            cache_dir=tmp_path / "cache",
        )
        (node,) = graph.filtered_nodes.values()
        return node.name

    assert [listed("staging"), listed("staging"), listed("marts"), listed("staging")] == [
        "listed_1",
        "listed_1",
        "listed_2",
        "listed_1",
    ]
    assert listed("staging", dbt_vars={"day": "2026-01-01"}) == "listed_3"
    assert listed("staging", env_vars={"SHOP_DUCKDB_PATH": "x"}) == "listed_4"
    (own_shop.folder / "models" / "staging" / "stg_new.sql").write_text("select 1 as one")
    assert [listed("staging"), listed("staging")] == ["listed_5", "listed_5"]
    assert (executable.parent / "deps").read_text().split() == ["deps"] * 5


def test_packages_are_not_installed_where_that_is_not_wanted(own_shop: ShopProject, tmp_path: Path) -> None:
    executable = _counting_dbt(tmp_path / "bin")

    _load(
        ProjectConfig(own_shop.folder, install_dbt_deps=False),
        render=RenderConfig(dbt_executable_path=executable),
        profile=_profile(own_shop),
        cache_dir=tmp_path / "cache",
    )

    assert not (executable.parent / "deps").exists()


def test_dbt_installs_packages_before_it_lists(own_shop: ShopProject, tmp_path: Path) -> None:
    shutil.rmtree(own_shop.folder / "dbt_packages")
    profile = ProfileConfig("shop", "dev", profile_mapping=DuckDBUserPasswordProfileMapping("no_such_connection"))

    graph = _load(
        ProjectConfig(own_shop.folder), render=RenderConfig(select="days"), profile=profile, cache_dir=tmp_path / "c"
    )

    assert list(graph.filtered_nodes) == ["model.calendar.days"]


def test_a_compile_error_is_told_in_dbts_words(own_shop: ShopProject, tmp_path: Path) -> None:
    (own_shop.folder / "models" / "broken.sql").write_text("select * from {{ ref('never_made') }}")

    with pytest.raises(DbtListError) as caught:
        _load(
            ProjectConfig(own_shop.folder, install_dbt_deps=False), profile=_profile(own_shop), cache_dir=tmp_path / "c"
        )

    message = str(caught.value)
    assert "depends on a node named 'never_made' which was not found" in message
    assert str(own_shop.folder) in message
    assert "Traceback" not in message


def test_an_unknown_target_that_only_dbt_can_judge_is_told_in_dbts_words(own_shop: ShopProject, tmp_path: Path) -> None:
    own_shop.profiles_yml.write_text("shop:\n  outputs:\n    \"{{ 'dev' }}\":\n      type: duckdb\n")

    with pytest.raises(DbtListError, match="does not have a target named 'nope'"):
        _load(
            ProjectConfig(own_shop.folder, install_dbt_deps=False),
            profile=ProfileConfig("shop", "nope", profiles_yml_filepath=own_shop.profiles_yml),
            cache_dir=tmp_path / "cache",
        )


def test_dbt_may_list_nothing_and_leaves_nothing_in_the_project_folder(own_shop: ShopProject, tmp_path: Path) -> None:
    before = {path.name for path in own_shop.folder.iterdir()}

    graph = _load(
        ProjectConfig(own_shop.folder, install_dbt_deps=False),
        render=RenderConfig(select=["tag:none_has_it"]),
        profile=_profile(own_shop),
        cache_dir=tmp_path / "cache",
    )

    assert graph.filtered_nodes == {}
    assert {path.name for path in own_shop.folder.iterdir()} - before <= {".user.yml"}


@pytest.mark.parametrize(
    ("project", "render", "said", "setting"),
    [
        ({}, {}, "neither a dbt project nor a manifest", "ProjectConfig.dbt_project_path"),
        ({"dbt_project_path": "shop"}, {"load_method": LoadMode.DBT_MANIFEST}, "DBT_MANIFEST needs", "manifest_path"),
        ({"dbt_project_path": "shop"}, {}, "needs a profile", "profile_config"),
        ({"manifest_path": "shop"}, {}, "no project folder to run dbt in", "ExecutionConfig.dbt_project_path"),
        ({}, {"dbt_project_path": "/no/such/folder"}, "no project folder to run", "ExecutionConfig.dbt_project_path"),
    ],
)
def test_configs_that_do_not_fit_together_are_told(
    shop: ShopProject, project: dict[str, str], render: dict[str, Any], said: str, setting: str
) -> None:
    paths: dict[str, Any] = {"dbt_project_path": shop.folder, "manifest_path": shop.manifest}

    with pytest.raises(ConfigError) as caught:
        _load(ProjectConfig(**{name: paths[name] for name in project}), render=RenderConfig(**render))

    assert said in str(caught.value)
    assert setting in str(caught.value)


def test_dbt_ls_with_a_manifest_only_asks_for_the_project(shop: ShopProject) -> None:
    with pytest.raises(ConfigError, match="DBT_LS needs the folder of the project"):
        _load(
            ProjectConfig(manifest_path=shop.manifest),
            render=RenderConfig(load_method=LoadMode.DBT_LS),
            execution=ExecutionConfig(dbt_project_path="/only/on/the/worker"),
        )


def test_the_folder_to_list_nodes_in_must_be_a_project(shop: ShopProject, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No dbt_project\.yml.*RenderConfig\.dbt_project_path"):
        _load(ProjectConfig(shop.folder), render=RenderConfig(dbt_project_path=tmp_path))


def test_a_missing_executable_is_named(shop: ShopProject, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no executable /no/such/dbt.*RenderConfig\.dbt_executable_path"):
        _load(
            ProjectConfig(shop.folder),
            render=RenderConfig(dbt_executable_path="/no/such/dbt", invocation_mode=InvocationMode.SUBPROCESS),
            profile=_profile(shop),
            cache_dir=tmp_path,
        )


def test_a_cache_folder_that_cannot_be_made_is_named(shop: ShopProject, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()

    with pytest.raises(ConfigError, match="cannot be used"):
        _load(ProjectConfig(shop.folder), profile=_profile(shop), cache_dir=occupied / "cache")
