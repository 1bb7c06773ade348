"""Sources checked by real dbt on DuckDB, as a command of its own and before a build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbt_runs import DBT, Ran
from heliograph.bus.events import RunAborted
from heliograph.bus.payloads import Outcome, SkipReason
from heliograph.producer.errors import StaleDecisionFailed
from heliograph.producer.freshness_report import FreshnessReport
from market_runs import AGES_H, Market, run_market
from watched_log import WatchedLog

ORDERS, CUSTOMERS, PRICES, RATES, UNUSED = (
    f"source.market.raw.{name}" for name in ("orders", "customers", "prices", "rates", "unused")
)
CHECKED = {ORDERS: Outcome.ERROR, CUSTOMERS: Outcome.WARN, PRICES: Outcome.SUCCESS, RATES: Outcome.ERROR}
BOTH = pytest.mark.parametrize("other", [False, True], ids=["this Python's dbt", "another dbt"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("market")


@pytest.fixture(scope="module", params=[None, DBT], ids=["this Python's dbt", "another dbt"])
def check(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """``rates`` has no table at all."""
    market = Market.of_ages(tmp_path_factory.mktemp("check") / "market", rates=None)
    return run_market(market, "source", "freshness", dbt_executable=request.param)


@pytest.fixture(scope="module", params=[None, DBT], ids=["this Python's dbt", "another dbt"])
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    market = Market.of_ages(tmp_path_factory.mktemp("build") / "market", rates=None)
    return run_market(market, "build", check_freshness=True, dbt_executable=request.param)


def test_each_source_with_criteria_is_planned_and_ends_as_dbt_found_it(check: Ran) -> None:
    expected = {**CHECKED, UNUSED: Outcome.ERROR}
    assert {node.unique_id for node in check.plan.nodes} == check.starts() == expected.keys()
    assert check.result.outcomes == expected
    assert {node.resource_type for node in check.plan.nodes} == {"source"}
    assert check.result.exit_code == check.finished.exit_code == 1
    assert check.state.complete


def test_the_ages_equal_dbts_artifact(check: Ran) -> None:
    content = json.loads((check.shop.folder / "target" / "sources.json").read_text())
    ages = {result["unique_id"]: result["max_loaded_at_time_ago_in_s"] for result in content["results"]}
    told = {uid: check.end(uid).freshness for uid in check.result.outcomes}
    assert {uid: freshness.age_s for uid, freshness in told.items() if freshness is not None} == ages
    assert ages[ORDERS] == pytest.approx(AGES_H["orders"] * 3600, abs=600)
    for freshness in told.values():
        if freshness is not None:
            assert freshness.max_loaded_at is not None
            assert freshness.snapshotted_at is not None
            age = freshness.snapshotted_at - freshness.max_loaded_at
            assert age.total_seconds() == pytest.approx(freshness.age_s, abs=0.001)


def test_the_message_says_why(check: Ran) -> None:
    assert check.end(ORDERS).message == "The newest row is 30.0 hours old, more than 1 day"
    assert check.end(CUSTOMERS).message == "The newest row is 15.0 hours old, more than 12 hours"
    assert check.end(PRICES).message is None
    assert "rates does not exist" in (check.end(RATES).message or "")


def test_before_a_build_the_sources_that_it_reads_are_checked(build: Ran) -> None:
    sources = {node.unique_id for node in build.plan.nodes if node.resource_type == "source"}
    assert sources == CHECKED.keys()
    assert {uid: build.end(uid).outcome for uid in sources} == CHECKED
    assert build.end(ORDERS).freshness is not None


def test_what_depends_on_stale_sources_alone_is_skipped_and_the_rest_is_built(build: Ran) -> None:
    skipped = {
        uid: event.data.caused_by
        for uid, event in build.state.nodes_finished.items()
        if event.data.skip_reason is SkipReason.STALE_SOURCE
    }
    by_name = {build.state.plan[uid].name: sorted(causes) for uid, causes in skipped.items()}
    assert by_name == {
        "stg_orders": [ORDERS],
        "by_day": [ORDERS],  # through an ephemeral model
        "keeps_ids": [ORDERS],
        "source_not_null_raw_orders_id": [ORDERS],
        "unique_stg_orders_id": [ORDERS],
        "relationships_priced_orders_id__id__ref_stg_orders_": [ORDERS],
        "stg_customers": [CUSTOMERS],
        "everyone": [CUSTOMERS, ORDERS],
        "dashboard": [CUSTOMERS, ORDERS],
    }
    assert not skipped.keys() & build.starts()
    assert (
        build.shop.run_results.keys() == {node.unique_id for node in build.plan.nodes} - skipped.keys() - CHECKED.keys()
    )
    assert isinstance(build.shop, Market)
    assert build.shop.built() == {"stg_prices", "priced_orders", "stg_countries"}


def test_a_source_that_cannot_be_checked_is_an_error_and_what_reads_it_is_built(build: Ran) -> None:
    assert build.end(RATES).outcome is Outcome.ERROR
    assert build.end("model.market.stg_rates").outcome is Outcome.ERROR
    assert build.result.exit_code == 1


def test_every_planned_node_ends_once(build: Ran) -> None:
    assert build.state.plan.keys() == build.state.nodes_finished.keys()
    for unique_id in build.state.plan:
        build.end(unique_id)
    kinds = [kind for kind in build.kinds if kind != "run.heartbeat"]
    assert kinds[:2] == ["run.started", "run.planned"]
    assert kinds[-1] == "run.finished"


@BOTH
def test_stale_sources_alone_fail_no_run_and_start_no_build(tmp_path: Path, other: bool) -> None:
    market = Market.of_ages(tmp_path / "market")
    ran = run_market(market, "build", "--select", "by_day", check_freshness=True, dbt_executable=DBT if other else None)
    assert ran.result.exit_code == 0
    assert ran.result.counts == {Outcome.ERROR: 1, Outcome.SKIPPED: 2}
    assert market.built() == set()


def test_who_decides_otherwise_is_obeyed(tmp_path: Path) -> None:
    market, seen = Market.of_ages(tmp_path / "market"), list[FreshnessReport]()

    def decide(report: FreshnessReport) -> set[str]:
        seen.append(report)
        return {"model.market.stg_prices"}

    selection = ["stg_prices", "stg_customers"]
    ran = run_market(market, "run", "--select", *selection, check_freshness=True, decide_stale=decide)
    (report,) = seen
    assert report.sources.keys() == {CUSTOMERS, PRICES}
    assert report.nodes.keys() == {f"model.market.{name}" for name in selection}
    assert report.skipped_by_default() == {"model.market.stg_customers"}
    assert ran.end("model.market.stg_prices").skip_reason is SkipReason.STALE_SOURCE
    assert market.built() == {"stg_customers"}
    assert ran.result.exit_code == 0


@BOTH
def test_an_error_in_the_decision_ends_the_attempt_and_says_so(tmp_path: Path, other: bool) -> None:
    def decide(_report: FreshnessReport) -> set[str]:
        raise LookupError("who are you?")

    market, log = Market.of_ages(tmp_path / "market"), WatchedLog()
    options = {"check_freshness": True, "decide_stale": decide, "dbt_executable": DBT if other else None}
    with pytest.raises(StaleDecisionFailed, match="decide_stale raised LookupError: who are you"):
        market.command("build", "--select", "stg_prices", log=log, **options).run()
    assert isinstance(log.events[-1], RunAborted)
    assert "decide_stale raised LookupError: who are you?" in log.events[-1].data.reason
    assert market.built() == set()


@BOTH
def test_a_check_without_results_ends_the_attempt_before_any_node(tmp_path: Path, other: bool) -> None:
    market = Market.of_ages(tmp_path / "market")
    market.database.unlink()
    market.database.mkdir()
    ran = run_market(
        market, "build", "--select", "stg_prices", check_freshness=True, dbt_executable=DBT if other else None
    )
    assert ran.result.exit_code == 2
    assert "Is a directory" in (ran.finished.message or "")
    assert "Traceback" not in (ran.finished.message or "")
    assert ran.starts() == set()
    assert ran.end("model.market.stg_prices").skip_reason is SkipReason.OTHER


def test_another_dbt_that_writes_no_manifest_is_told_what_to_do(tmp_path: Path) -> None:
    market = Market.of_ages(tmp_path / "market")
    env = {**market.env, "DBT_WRITE_JSON": "false"}
    ran = run_market(market, "build", check_freshness=True, dbt_executable=DBT, env=env)
    assert ran.result.exit_code == 2
    assert "--write-json" in (ran.result.message or "")
    assert market.built() == set()


def test_nothing_is_checked_where_no_source_is_read(tmp_path: Path) -> None:
    market = Market.of_ages(tmp_path / "market")
    ran = run_market(market, "build", "--select", "stg_countries", check_freshness=True)
    assert {node.unique_id for node in ran.plan.nodes} == {"model.market.stg_countries"}
    assert ran.plan.invocation_id is not None
    assert market.built() == {"stg_countries"}


@BOTH
def test_a_retry_of_a_source_checks_it_again_and_builds_nothing_else(tmp_path: Path, other: bool) -> None:
    market = Market.of_ages(tmp_path / "market", orders=1)
    options = {"only": [ORDERS], "attempt": 2, "dbt_executable": DBT if other else None}
    ran = run_market(market, "build", "--select", "stg_orders+", **options)
    assert ran.result.outcomes == {ORDERS: Outcome.SUCCESS}
    assert (ran.result.exit_code, ran.result.message) == (0, None)
    assert market.built() == set()


def test_a_retry_builds_what_was_skipped_once_the_source_is_fresh(tmp_path: Path) -> None:
    market = Market.of_ages(tmp_path / "market", orders=1)
    ran = run_market(market, "build", check_freshness=True, only=["model.market.by_day"], attempt=2)
    assert ran.result.outcomes == {ORDERS: Outcome.SUCCESS, "model.market.by_day": Outcome.SUCCESS}
    assert market.built() == {"by_day"}


def test_a_stop_while_it_is_decided_ends_dbt(tmp_path: Path) -> None:
    market, log = Market.of_ages(tmp_path / "market"), WatchedLog()

    def decide(_report: FreshnessReport) -> set[str]:
        command.stop("changed my mind")
        return set()

    command = market.command("build", log=log, check_freshness=True, decide_stale=decide)
    result = command.run()
    assert result.exit_code == 2
    assert isinstance(log.events[-1], RunAborted)
    assert log.events[-1].data.reason == "changed my mind"
    assert result.outcomes == {
        ORDERS: Outcome.ERROR,
        CUSTOMERS: Outcome.WARN,
        PRICES: Outcome.SUCCESS,
        RATES: Outcome.SUCCESS,
    }
