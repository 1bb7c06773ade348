from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.airflow.node_log import LogLine, node_log, task_log_url
from heliograph.bus.payloads import Freshness, Interval, NodeFinishedData, Outcome
from heliograph.consumers.verdict import End, Verdict, verdict_on

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def interval(seconds: float) -> Interval:
    return Interval(started_at=BEGAN, completed_at=BEGAN + timedelta(seconds=seconds))


def orders(outcome: Outcome = Outcome.SUCCESS, **more: object) -> NodeFinishedData:
    return NodeFinishedData.model_validate({"outcome": outcome, "resource_type": "model", "name": "orders", **more})


def lines(verdict: Verdict) -> list[LogLine]:
    return list(node_log(verdict, unique_id="model.shop.orders", producer_log="http://airflow/producer"))


def test_a_node_that_succeeded_tells_its_lines_its_figures_its_sql_and_where_the_run_is() -> None:
    node = orders(
        lines=("1 of 3 START sql table model main.orders", "1 of 3 OK created sql table model main.orders"),
        relation="shop.main.orders",
        rows_affected=7,
        compile=interval(0.25),
        execute=interval(1.5),
        execution_time_s=1.75,
        thread="Thread-1",
        query_id="01b2",
        adapter_response={"_message": "SELECT 7", "code": "SELECT", "slot": None},
        compiled_sql="select *\nfrom raw",
        compiled_sql_path="target/compiled/orders.sql",
    )

    told = lines(verdict_on(node, attempt=2))

    assert [line.text for line in told] == [
        "model.shop.orders: dbt reported success",
        "1 of 3 START sql table model main.orders",
        "1 of 3 OK created sql table model main.orders",
        (
            "relation shop.main.orders, rows 7, compile 0.25 s, execute 1.50 s, time 1.75 s, thread Thread-1, "
            "query id 01b2, adapter response (_message=SELECT 7, code=SELECT), attempt 2"
        ),
        "compiled SQL (target/compiled/orders.sql):\n  select *\n  from raw",
        "The whole dbt run: http://airflow/producer",
    ]
    assert {line.level for line in told} == {logging.INFO}


def test_an_error_is_told_in_full_as_an_error() -> None:
    message = "Runtime Error in model orders\n  Binder Error: no column x\n" + "long " * 200

    told = lines(verdict_on(orders(Outcome.ERROR, message=message), attempt=1))

    assert told[0].level == logging.ERROR
    (block,) = [line for line in told if line.text.startswith("dbt's message:")]
    assert block.level == logging.ERROR
    assert [line.strip() for line in block.text.splitlines()[1:]] == [line.strip() for line in message.splitlines()]


def test_warnings_are_warnings() -> None:
    told = lines(verdict_on(orders(Outcome.WARN, message="Got 3 results", failures=3), attempt=1))

    assert LogLine(logging.WARNING, "Got 3 results") in told
    assert "test failures 3, attempt 1" in [line.text for line in told]


def test_the_age_of_a_sources_newest_row_is_told_in_hours() -> None:
    told = lines(verdict_on(orders(freshness=Freshness(age_s=90061.4)), attempt=1))

    assert "age of the newest row 1 day, 1:01:01, attempt 1" in [line.text for line in told]


def test_a_verdict_on_several_tests_has_no_figures_of_one_node() -> None:
    verdict = Verdict(end=End.SUCCESS, reason="2 of 2 tests passed", attempt=3)

    assert [line.text for line in lines(verdict)] == [
        "model.shop.orders: 2 of 2 tests passed",
        "attempt 3",
        "The whole dbt run: http://airflow/producer",
    ]


def test_long_sql_is_one_bounded_record() -> None:
    sql = "\n".join(f"select {number}" for number in range(1000))

    (block,) = [line for line in lines(verdict_on(orders(compiled_sql=sql), attempt=1)) if "SQL" in line.text]

    assert len(block.text.splitlines()) == 402
    assert block.text.splitlines()[-1] == "  ... and 600 more lines"


def test_no_line_is_json() -> None:
    node = orders(lines=("OK created",), adapter_response={"rows": 1}, compiled_sql="select 1")

    for line in lines(verdict_on(node, attempt=1)):
        with pytest.raises(json.JSONDecodeError):
            json.loads(line.text)


def test_the_link_is_the_one_airflow_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team/")

    url = task_log_url(dag_id="shop", run_id="manual__2026-01-01T00:00:00+00:00", task_id="g.dbt_producer_watcher")

    assert url == (
        "https://airflow.example.com/team/dags/shop/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00"
        "/tasks/g.dbt_producer_watcher"
    )
