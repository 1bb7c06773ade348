import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from heliograph.bus.payloads import COMPILED_SQL_LIMIT, Outcome, SkipReason, TestOutcome
from heliograph.producer.sources.port import DbtEvent
from heliograph.producer.translate import MESSAGE_LIMIT, flatten, node_finished, node_result, node_started

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str, event: str, unique_id: str) -> DbtEvent:
    for line in (RECORDED / name).read_text().splitlines():
        read = json.loads(line)
        if read["info"]["name"] == event and read["data"]["node_info"]["unique_id"] == unique_id:
            return DbtEvent(name=event, info=read["info"], data=read["data"])
    raise AssertionError(unique_id)


def finished(node_info: dict[str, Any] | None = None, result: dict[str, Any] | None = None, **more: Any) -> DbtEvent:
    return DbtEvent(
        name="NodeFinished",
        data={
            "node_info": {"unique_id": "model.shop.a", "resource_type": "model", "node_name": "a"} | (node_info or {}),
            "run_result": {"status": "success"} | (result or {}),
        },
        **more,
    )


def test_reads_what_dbt_logs_of_a_models_end() -> None:
    data = node_finished(recorded("build_with_every_type.jsonl", "NodeFinished", "model.shop.customers"))
    assert (data.outcome, data.name, data.resource_type) == (Outcome.SUCCESS, "customers", "model")
    assert data.relation == '"shop"."main"."customers"'
    assert data.adapter_response == {"_message": "OK"}
    assert data.compile is not None
    assert data.execute is not None
    assert data.compile.completed_at <= data.execute.started_at
    assert data.execution_time_s is not None
    assert data.execution_time_s > 0
    assert data.thread is not None
    assert data.thread.startswith("Thread-")
    assert data.failures is None
    assert not data.reconciled


def test_reads_what_dbt_logs_of_a_tests_end() -> None:
    data = node_finished(
        recorded("build_with_every_type.jsonl", "NodeFinished", "test.shop.not_null_customers_customer.ecebbe9369")
    )
    assert (data.outcome, data.test_outcome, data.failures) == (Outcome.SUCCESS, TestOutcome.PASS, 0)


def test_reads_a_start_as_utc() -> None:
    data = node_started(recorded("build_with_every_type.jsonl", "NodeStart", "seed.shop.raw_orders"))
    assert data.started_at is not None
    assert data.started_at.utcoffset() == timedelta(0)
    assert (data.resource_type, data.name) == ("seed", "raw_orders")


def test_a_status_of_none_is_looked_up_in_the_node_and_is_an_error_where_there_is_none() -> None:
    assert node_finished(finished({"node_status": "success"}, {"status": "None"})).outcome is Outcome.SUCCESS
    assert node_finished(finished({"node_status": "None"}, {"status": "success"})).outcome is Outcome.SUCCESS
    assert node_finished(finished({"node_status": "None"}, {"status": ""})).outcome is Outcome.ERROR


def test_missing_times_are_missing() -> None:
    data = node_finished(finished(result={"timing_info": [{"name": "execute", "started_at": "", "completed_at": ""}]}))
    assert data.execute is None


def test_takes_rows_and_query_id_from_the_adapters_response() -> None:
    data = node_finished(
        finished(result={"adapter_response": {"rows_affected": 5.0, "query_id": "01b", "code": "SELECT"}})
    )
    assert (data.rows_affected, data.query_id) == (5, "01b")
    assert data.adapter_response == {"rows_affected": 5, "query_id": "01b", "code": "SELECT"}


def test_bigquery_calls_its_query_a_job() -> None:
    assert node_finished(finished(result={"adapter_response": {"job_id": "j-1"}})).query_id == "j-1"


def test_unknown_row_counts_are_not_counts() -> None:
    assert node_finished(finished(result={"adapter_response": {"rows_affected": -1.0}})).rows_affected is None


def test_flattens_what_is_nested() -> None:
    assert flatten({"a": {"b": 1.5, "c": [1, 2]}, "d": None}) == {"a.b": 1.5, "a.c": "[1, 2]", "d": None}


def test_bounds_compiled_sql_and_keeps_its_path() -> None:
    data = node_finished(finished(compiled_sql="x" * (COMPILED_SQL_LIMIT + 1), compiled_path="target/compiled/a.sql"))
    assert data.compiled_sql is not None
    assert len(data.compiled_sql) == COMPILED_SQL_LIMIT
    assert data.compiled_sql_path == "target/compiled/a.sql"


def test_cleans_and_bounds_messages() -> None:
    data = node_finished(finished(result={"message": "\x1b[31mred\x1b[0m" + "y" * MESSAGE_LIMIT}))
    assert data.message is not None
    assert data.message.startswith("redy")
    assert len(data.message) == MESSAGE_LIMIT


def test_causes_belong_to_skips_only() -> None:
    assert node_finished(finished(), caused_by=("model.shop.x",)).caused_by == ()
    skipped = node_finished(finished(result={"status": "skipped"}), caused_by=("model.shop.x",))
    assert (skipped.skip_reason, skipped.caused_by) == (SkipReason.UPSTREAM_FAILED, ("model.shop.x",))


@pytest.mark.parametrize("code_key", ["compiled_code", "compiled_sql"])
def test_reads_an_entry_of_run_results(code_key: str) -> None:
    data = node_result(
        {
            "unique_id": "test.shop.t",
            "status": "fail",
            "failures": 3,
            "message": "Got 3 results",
            "execution_time": 0.5,
            "thread_id": "Thread-1",
            "timing": [
                {"name": "execute", "started_at": "2026-11-22T20:54:48.6Z", "completed_at": "2026-11-22T20:54:49.1Z"}
            ],
            "adapter_response": {},
            code_key: "select 1",
        },
        name="t",
        resource_type="test",
    )
    assert (data.outcome, data.test_outcome, data.failures) == (Outcome.FAIL, TestOutcome.FAIL, 3)
    assert data.reconciled
    assert data.compiled_sql == "select 1"
    assert data.execute is not None


def test_a_skip_that_was_never_announced_has_another_reason_than_a_failed_parent() -> None:
    assert node_result({"status": "skipped"}, name="a", resource_type="model").skip_reason is SkipReason.OTHER
