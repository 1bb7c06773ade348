"""Running exactly the nodes that are named by unique id, on real dbt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbt_runs import DBT, NAMES, Ran, Shop
from heliograph.bus.events import RunStarted
from heliograph.bus.payloads import Outcome
from heliograph.producer.dbt_args import parse_args
from heliograph.producer.resume import only_these
from watched_log import WatchedLog

ORDERS, ITEMS, LEAF = "model.names.orders", "model.names.items", "model.names.leaf"
ORDERS_TEST = "test.names.not_null_orders_id.84ef11d8fe"
NODES = [
    ORDERS,
    ITEMS,
    LEAF,
    ORDERS_TEST,
    "exposure.names.dashboard",
    "function.names.double_it",
    "model.names.after_between",
    "model.names.rates.v1",
    "model.names.rates.v2",
    "saved_query.names.orders_by_day",
    "seed.names.raw",
    "snapshot.names.orders_history",
    "test.names.not_null_rates_v1_id.c52ff05398",
    "test.names.not_null_rates_v2_id.206f165511",
    "test.names.orders_are_positive",
    "unit_test.names.items.takes_all_items",
]
SOURCES: list[Any] = [pytest.param({}, id="callbacks"), pytest.param({"dbt_executable": DBT}, id="json_lines")]
Resume = Callable[..., Ran]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The project with what the tests read built in both targets; the state of ``prod`` stands in ``old``."""
    shop = Shop.copy(tmp_path_factory.mktemp("names") / "names", project=NAMES)
    words = ("build", "--select", "raw", "orders", "items", "--resource-type", "seed", "model")
    for target in ("prod", "dev"):
        assert shop.command(*words, log=WatchedLog(), target=target).run().exit_code == 0
        if target == "prod":
            shutil.copytree(shop.folder / "target", shop.folder / "old")
    return shop


@pytest.fixture
def resume(built: Shop) -> Resume:
    def run(*args: str, **options: Any) -> Ran:
        log = WatchedLog()
        result = built.command(*args, log=log, attempt=2, **options).run()
        return Ran(shop=built, result=result, events=log.events)

    return run


def ran_nodes(ran: Ran) -> set[str]:
    """What dbt itself says that it ran; the plan and the events must say the same."""
    assert ran.result.run_results is not None
    found = {result["unique_id"] for result in ran.result.run_results["results"]}
    assert found == {node.unique_id for node in ran.plan.nodes} == ran.starts() == set(ran.result.outcomes)
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_a_model_one_of_its_tests_and_a_descendant_run_and_nothing_else(resume: Resume, source: dict[str, Any]) -> None:
    only = [ORDERS, ORDERS_TEST, LEAF]
    ran = resume("build", "--select", "orders+", only=only, fresh=True, answers=["r1"], started_by="a task", **source)
    assert ran_nodes(ran) == set(only)
    assert set(ran.result.outcomes.values()) == {Outcome.SUCCESS}
    (started,) = [event.data for event in ran.events if isinstance(event, RunStarted)]
    assert (started.fresh, started.answers, started.started_by) == (True, ("r1",), "a task")
    assert started.command == ("build", "--select", "orders+")


@pytest.mark.parametrize("source", SOURCES)
def test_a_test_alone_runs_alone(resume: Resume, source: dict[str, Any]) -> None:
    ran = resume("build", only={ORDERS_TEST}, **source)
    assert ran_nodes(ran) == {ORDERS_TEST}


def test_what_the_command_does_not_select_stays_out(resume: Resume) -> None:
    wanted = [ITEMS, LEAF, "unit_test.names.items.takes_all_items"]
    ran = resume("build", "--select", "items", "--resource-type", "model", only=wanted)
    assert ran_nodes(ran) == {ITEMS}


@pytest.mark.parametrize("source", SOURCES)
def test_with_none_of_the_nodes_selected_no_dbt_node_runs(resume: Resume, source: dict[str, Any]) -> None:
    ran = resume("build", "--select", "items", only=[LEAF], **source)
    assert [kind for kind in ran.kinds if kind != "run.heartbeat"] == ["run.started", "run.planned", "run.finished"]
    assert ran.plan.nodes == ()
    assert ran.result.exit_code == ran.finished.exit_code == 0
    assert ran.finished.message == "No node to run again is in the selection: dbt build --select items"
    assert not any("Concurrency" in line for line in ran.shop.lines[-3:])


@pytest.mark.parametrize("source", SOURCES)
def test_the_users_state_still_selects_and_is_still_deferred_to(
    built: Shop, resume: Resume, source: dict[str, Any]
) -> None:
    """In a schema that holds nothing yet, the node can be built only on a deferred parent."""
    env = {**built.env, "NAMES_SCHEMA": f"empty_{len(source)}"}
    words = (
        "build",
        "--select",
        "state:old,items",
        "--exclude",
        "leaf",
        "--defer",
        "--state",
        str(built.folder / "old"),
    )
    ran = resume(*words, only=[ITEMS], env=env, **source)
    assert ran_nodes(ran) == {ITEMS}
    assert '"prod"."orders"' in (ran.end(ITEMS).compiled_sql or "")
    assert ran.result.outcomes == {ITEMS: Outcome.SUCCESS}


@pytest.fixture(scope="module")
def listed(built: Shop) -> Iterator[Callable[[list[str]], set[str]]]:
    """What dbt itself selects with these words."""
    project = ["--project-dir", str(built.folder), "--profiles-dir", str(built.folder)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAMES_DATABASE", ":memory:")
        manifest = dbtRunner().invoke(["--quiet", "parse", *project]).result

        def run(words: list[str]) -> set[str]:
            found = dbtRunner(manifest=manifest).invoke(  # type: ignore[arg-type]  # `parse` returns the manifest
                ["--log-level", "none", "ls", *words, *project, "--output", "json", "--output-keys", "unique_id"]
            )
            assert found.success
            return {json.loads(line)["unique_id"] for line in found.result}  # type: ignore[union-attr]  # lines

        yield run


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.sets(st.sampled_from(NODES), min_size=1))
def test_dbt_selects_exactly_the_nodes_that_are_named(
    listed: Callable[[list[str]], set[str]], tmp_path: Path, wanted: set[str]
) -> None:
    command = parse_args(
        ["build", "--select", "orders", "--exclude", "leaf", "--selector", "x", "--indirect-selection", "eager"]
    )
    words = only_these(command, wanted, folder=tmp_path, env={})
    assert words[0] == "build"
    assert listed(words[1:]) == wanted


def test_all_options_but_those_that_select_are_kept(tmp_path: Path) -> None:
    command = parse_args(["--fail-fast", "build", "-s", "a", "--threads", "3", "--vars", "{a: b}", "--full-refresh"])
    assert only_these(command, ["model.p.a"], folder=tmp_path, env={}) == [
        *("build", "--fail-fast", "--threads", "3", "--vars", "{a: b}", "--full-refresh"),
        *("--select", "result:error", "--indirect-selection", "empty", "--state", str(tmp_path)),
    ]


@pytest.mark.parametrize(
    ("given_words", "env", "deferred_to"),
    [
        (["--state", "s"], {}, "s"),
        (["--state", "s", "--defer-state", "d"], {}, "d"),
        ([], {"DBT_STATE": "s"}, "s"),
        (["--state", "s"], {"DBT_DEFER_STATE": "d"}, "d"),
        (["--state", "s"], {"DBT_STATE": "e"}, "s"),
    ],
)
def test_the_state_that_was_deferred_to_stays(
    tmp_path: Path, given_words: list[str], env: dict[str, str], deferred_to: str
) -> None:
    words = only_these(parse_args(["build", *given_words]), ["model.p.a"], folder=tmp_path, env=env)
    assert parse_args(words).value("--defer-state") == deferred_to
    assert parse_args(words).value("--state") == str(tmp_path)
