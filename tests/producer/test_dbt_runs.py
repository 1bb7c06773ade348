"""Real dbt commands on DuckDB, from their start to their reconciled end."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from dbt_runs import DBT, RUN, Ran, Shop, run_shop
from heliograph.bus.events import Event, NodeFinished, RunStarted
from heliograph.bus.payloads import Outcome, SkipReason, TestOutcome
from heliograph.bus.sqlite_log import SqliteLog
from watched_log import WatchedLog

CUSTOMERS = "model.shop.customers"
FAILING_TEST = "test.shop.assert_amounts_are_large"
HOOK = "operation.shop.shop-on-run-start-0"
STATUS = {
    "success": Outcome.SUCCESS,
    "pass": Outcome.SUCCESS,
    "warn": Outcome.WARN,
    "fail": Outcome.FAIL,
    "error": Outcome.ERROR,
    "skipped": Outcome.SKIPPED,
    "no-op": Outcome.NO_OP,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def success(folder: Path) -> Ran:
    """``build`` with the real embedded log."""
    shop, log = Shop.copy(folder / "success", breaking="warn"), SqliteLog(folder / "events.db")
    result = shop.command("build", log=log).run()
    log.close()

    async def read() -> list[Event]:
        return [recorded.event async for recorded in log.read(RUN)]

    return Ran(shop=shop, result=result, events=asyncio.run(read()))


@pytest.fixture(scope="module")
def success_elsewhere(folder: Path) -> Ran:
    """The same through another dbt's JSON log."""
    return run_shop(folder / "success_elsewhere", "build", breaking="warn", dbt_executable=DBT)


@pytest.fixture(scope="module")
def failing_model(folder: Path) -> Ran:
    selection = ["--select", "+customers+", "--exclude", "resource_type:unit_test"]
    return run_shop(folder / "model", "build", *selection, breaking="model")


@pytest.fixture(scope="module")
def failing_test(folder: Path) -> Ran:
    return run_shop(folder / "test", "build", breaking="test", dbt_executable=DBT)


@pytest.fixture(scope="module")
def fail_fast(folder: Path) -> Ran:
    return run_shop(folder / "fast", "build", "--fail-fast", "--threads", "1", breaking="test")


@pytest.fixture(scope="module")
def failing_hook(folder: Path) -> Ran:
    return run_shop(folder / "hook", "run", breaking="hook")


@pytest.fixture(params=["success", "success_elsewhere", "failing_model", "failing_test", "failing_hook"])
def finished(request: pytest.FixtureRequest) -> Ran:
    """Each of the runs that came to an end of dbt's own, with nodes."""
    ran: Ran = request.getfixturevalue(request.param)
    return ran


def test_the_state_equals_dbts_run_results(finished: Ran) -> None:
    ended = {unique_id: event.data.outcome for unique_id, event in finished.state.nodes_finished.items()}
    assert ended == {unique_id: STATUS[status] for unique_id, status in finished.shop.run_results.items()}
    assert finished.result.outcomes == ended


def test_every_planned_node_has_an_end(finished: Ran) -> None:
    state = finished.state
    assert state.plan.keys() <= state.nodes_finished.keys()
    assert state.plan


def test_the_attempt_is_whole_and_says_so(finished: Ran) -> None:
    state = finished.state
    assert state.complete
    assert [event.sequence for event in finished.events] == list(range(1, len(finished.events) + 1))
    assert finished.finished.counts == state.counts() == finished.result.counts
    assert finished.finished.exit_code == finished.result.exit_code


def test_events_come_in_order(finished: Ran) -> None:
    kinds = [kind for kind in finished.kinds if kind != "run.heartbeat"]
    assert kinds[:2] == ["run.started", "run.planned"]
    assert kinds[-1] == "run.finished"
    begun = set()
    for event in finished.events:
        if event.type.startswith("dev.heliograph.node.started"):
            begun.add(event.subject)
        elif isinstance(event, NodeFinished):
            assert event.data.reconciled or event.subject in begun


def test_the_plan_holds_what_dbt_runs(success: Ran) -> None:
    planned = {node.unique_id for node in success.plan.nodes}
    assert planned == success.shop.run_results.keys() - {HOOK}
    by_id = {node.unique_id: node for node in success.plan.nodes}
    assert by_id["model.shop.orders"].depends_on == ("model.shop.eph_amounts",)
    assert by_id["model.shop.stg_orders"].materialized == "view"
    assert success.plan.dbt_version is not None
    assert success.plan.invocation_id is not None


def test_both_sources_tell_the_same(success: Ran, success_elsewhere: Ran) -> None:
    def told(ran: Ran) -> set[tuple[str, str | None, Outcome | None, str | None]]:
        return {
            (event.type, event.subject, getattr(event.data, "outcome", None), getattr(event.data, "relation", None))
            for event in ran.events
            if not event.type.endswith("heartbeat.v1")
        }

    assert told(success) == told(success_elsewhere)
    assert success.plan.nodes == success_elsewhere.plan.nodes
    sql = {
        unique_id: (event.data.compiled_sql_path, event.data.compiled_sql)
        for unique_id, event in success_elsewhere.state.nodes_finished.items()
        if event.data.compiled_sql_path is not None and not event.data.reconciled
    }
    assert CUSTOMERS in sql
    for unique_id, told_elsewhere in sql.items():
        data = success.end(unique_id)
        assert (data.compiled_sql_path, data.compiled_sql) == told_elsewhere


def spoken(ran: Ran, unique_id: str) -> list[str]:
    """The node's lines without times, dots and the node's place among the others."""
    return [re.sub(r"^[\d:]+  (\d+ of \d+ )?| in [\d.]+s| \.{2,}", "", line) for line in ran.end(unique_id).lines]


@pytest.mark.parametrize("name", ["success", "success_elsewhere"])
def test_a_nodes_end_carries_dbts_own_lines_about_it(name: str, request: pytest.FixtureRequest) -> None:
    ran: Ran = request.getfixturevalue(name)
    started, created = spoken(ran, CUSTOMERS)
    assert started.startswith("START sql table model main.customers ")
    assert created.startswith("OK created sql table model main.customers ")
    assert spoken(ran, FAILING_TEST)[1:] == [
        "WARN 1 assert_amounts_are_large [WARN 1]",
        "Warning in test assert_amounts_are_large (tests/assert_amounts_are_large.sql)",
        "  Got 1 result, configured to warn if != 0",
        "  compiled code at target/compiled/shop/tests/assert_amounts_are_large.sql",
    ]
    assert all(end.data.lines for end in ran.events if isinstance(end, NodeFinished))


def test_the_words_dbt_keeps_for_the_end_of_the_run_are_those_in_the_nodes_own_lines(failing_model: Ran) -> None:
    lines = failing_model.end(CUSTOMERS).lines
    details = lines[2:]
    assert details[0] == "Failure in model customers (models/customers.sql)"
    assert any("no_such_table" in line for line in details)
    log = "\n".join(failing_model.shop.lines)
    assert all(line.strip() in log for line in details)
    (skipped,) = spoken(failing_model, "model.shop.report")
    assert skipped.startswith("SKIP relation main.report ")


@pytest.mark.parametrize("name", ["success", "success_elsewhere", "failing_test", "fail_fast", "failing_hook"])
def test_the_result_holds_dbts_own_run_results(name: str, request: pytest.FixtureRequest) -> None:
    ran: Ran = request.getfixturevalue(name)
    assert ran.result.run_results == json.loads((ran.shop.folder / "target" / "run_results.json").read_text())


@pytest.mark.parametrize("executable", [None, DBT])
def test_the_run_results_of_another_invocation_are_not_this_ones(tmp_path: Path, executable: str | None) -> None:
    shop = Shop.copy(tmp_path / "shop")
    older = {"metadata": {"invocation_id": "another"}, "results": []}
    (shop.folder / "target" / "run_results.json").write_text(json.dumps(older))
    result = shop.command("seed", "--no-write-json", log=WatchedLog(), dbt_executable=executable).run()
    assert result.exit_code == 0
    assert result.run_results is None


@pytest.mark.parametrize("name", ["success", "success_elsewhere"])
def test_people_get_dbts_readable_log(name: str, request: pytest.FixtureRequest) -> None:
    ran: Ran = request.getfixturevalue(name)
    assert any("OK created sql table model main.customers" in line for line in ran.shop.lines)
    assert not any(line.startswith("{") for line in ran.shop.lines)
    assert sum("Running with dbt" in line for line in ran.shop.lines) == 1


@pytest.mark.parametrize("name", ["success", "success_elsewhere"])
def test_the_end_tells_how_much_memory_dbt_used(name: str, request: pytest.FixtureRequest) -> None:
    ran: Ran = request.getfixturevalue(name)
    assert ran.finished.memory_peak is not None
    assert ran.finished.memory_peak.rss_bytes > 50 * 2**20
    assert ran.result.memory_peak == ran.finished.memory_peak


def test_the_start_names_the_producer(success: Ran) -> None:
    (started,) = [event for event in success.events if isinstance(event, RunStarted)]
    assert started.data.project == "shop"
    assert started.data.command[0] == "build"
    assert started.data.producer_pid is not None
    assert started.source == "/dbt/shop/default"


def test_a_warning_is_no_failure(success: Ran) -> None:
    data = success.end(FAILING_TEST)
    assert (data.outcome, data.test_outcome, data.failures) == (Outcome.WARN, TestOutcome.WARN, 1)
    assert success.result.exit_code == 0


def test_a_failing_model_skips_what_depends_on_it_and_is_named_as_the_cause(failing_model: Ran) -> None:
    assert failing_model.result.exit_code == 1
    error = failing_model.end(CUSTOMERS)
    assert error.outcome is Outcome.ERROR
    assert "no_such_table" in (error.message or "")
    assert "no_such_table" in (error.compiled_sql or "")
    for unique_id in ("model.shop.report", "model.shop.summary"):
        data = failing_model.end(unique_id)
        assert (data.outcome, data.skip_reason, data.caused_by) == (
            Outcome.SKIPPED,
            SkipReason.UPSTREAM_FAILED,
            (CUSTOMERS,),
        )


def test_a_failing_test_skips_what_comes_after_the_tested_model(failing_test: Ran) -> None:
    assert failing_test.result.exit_code == 1
    data = failing_test.end(FAILING_TEST)
    assert (data.outcome, data.test_outcome, data.failures) == (Outcome.FAIL, TestOutcome.FAIL, 1)
    assert failing_test.end(CUSTOMERS).caused_by == (FAILING_TEST,)
    assert failing_test.end("model.shop.orders").caused_by == (FAILING_TEST,)


def test_what_fail_fast_leaves_out_gets_its_end(fail_fast: Ran) -> None:
    assert fail_fast.result.exit_code == 1
    ended = {unique_id: event.data for unique_id, event in fail_fast.state.nodes_finished.items()}
    # dbt's own result leaves unit tests out here; everything else must equal it.
    missing = ended.keys() - fail_fast.shop.run_results.keys()
    assert {unique_id.split(".")[0] for unique_id in missing} <= {"unit_test"}
    assert {uid: STATUS[status] for uid, status in fail_fast.shop.run_results.items()}.items() <= {
        uid: data.outcome for uid, data in ended.items()
    }.items()
    assert fail_fast.plan.nodes
    assert {node.unique_id for node in fail_fast.plan.nodes} <= ended.keys()
    never_announced = [data for data in ended.values() if data.reconciled and data.outcome is Outcome.SKIPPED]
    assert {data.skip_reason for data in never_announced} == {SkipReason.FAIL_FAST}
    assert fail_fast.end("model.shop.summary") in never_announced


def test_a_failing_hook_leaves_every_node_skipped_because_of_it(failing_hook: Ran) -> None:
    assert failing_hook.result.exit_code == 1
    assert failing_hook.end(HOOK).outcome is Outcome.ERROR
    for node in failing_hook.plan.nodes:
        data = failing_hook.end(node.unique_id)
        assert (data.outcome, data.skip_reason, data.caused_by) == (Outcome.SKIPPED, SkipReason.OTHER, (HOOK,))


def test_a_compile_error_ends_the_run_before_any_node(tmp_path: Path) -> None:
    ran = run_shop(tmp_path / "shop", "build", breaking="compile")
    assert [kind for kind in ran.kinds if kind != "run.heartbeat"] == ["run.started", "run.finished"]
    assert ran.result.exit_code == 2
    assert "no_such_model" in (ran.finished.message or "")
    assert any("no_such_model" in line for line in ran.shop.lines)


def test_an_unknown_target_of_another_dbt_is_told_in_its_words(tmp_path: Path) -> None:
    ran = run_shop(tmp_path / "shop", "build", target="nowhere", dbt_executable=DBT)
    assert [kind for kind in ran.kinds if kind != "run.heartbeat"] == ["run.started", "run.finished"]
    assert ran.result.exit_code == 2
    assert "nowhere" in (ran.finished.message or "")
    assert any("nowhere" in line for line in ran.shop.lines)
    assert ran.events[0].source == "/dbt/shop/nowhere"


def test_a_selection_that_matches_nothing_says_so(tmp_path: Path) -> None:
    ran = run_shop(tmp_path / "shop", "build", "--select", "tag:none")
    assert [kind for kind in ran.kinds if kind != "run.heartbeat"] == ["run.started", "run.planned", "run.finished"]
    assert ran.plan.nodes == ()
    assert ran.result.exit_code == 0
    assert ran.result.message == "The selection matched nothing: dbt build --select tag:none"
