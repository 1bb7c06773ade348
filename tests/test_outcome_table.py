"""The producer's and the consumers' rules against the outcome table, row by row, and the page that prints it."""

from __future__ import annotations

import pytest

from heliograph.bus.payloads import NodeFinishedData, Outcome, SkipReason
from heliograph.consumers.verdict import End, verdict_on
from heliograph.producer.verdict import verdict
from outcome_table import NODE_ROWS, PAGE, NodeRow, with_tables

ENDS = {str(end) for end in End}


def each(rows: list[NodeRow]) -> pytest.MarkDecorator:
    cases = [(row, resource_type) for row in rows for resource_type in row.types]
    return pytest.mark.parametrize(("row", "resource_type"), cases, ids=[f"{r.case}-{t}" for r, t in cases])


@each([row for row in NODE_ROWS if row.status is not None])
def test_the_producer_reads_dbts_word_as_the_table_says(row: NodeRow, resource_type: str) -> None:
    assert row.status is not None
    read = verdict(row.status, resource_type=resource_type, message=row.message)
    assert (read.outcome, read.skip_reason, read.test_outcome) == (row.outcome, row.skip_reason, row.test_outcome)


@each([row for row in NODE_ROWS if row.outcome is not None and row.at_once is not None])
def test_a_task_ends_as_the_table_says(row: NodeRow, resource_type: str) -> None:
    assert row.outcome is not None
    data = NodeFinishedData(
        outcome=row.outcome,
        skip_reason=row.skip_reason,
        test_outcome=row.test_outcome,
        resource_type=resource_type,
        name="node",
        message=row.message,
    )
    assert str(verdict_on(data, attempt=1).end) == row.at_once


def test_every_outcome_and_reason_that_dbts_words_can_mean_stands_in_the_table() -> None:
    assert {row.outcome for row in NODE_ROWS} >= set(Outcome)
    assert {row.skip_reason for row in NODE_ROWS} >= set(SkipReason)


def test_no_failure_and_no_cascade_is_green_in_either_order() -> None:
    for row in NODE_ROWS:
        if row.outcome not in (None, Outcome.SUCCESS, Outcome.WARN, Outcome.NO_OP):
            assert "success" not in (row.dependency, row.at_once), row.case


def test_a_cascade_differs_from_its_root_only_in_dependency_order() -> None:
    for row in NODE_ROWS:
        if row.dependency is not None and row.at_once in ENDS:
            assert row.dependency in (row.at_once, "upstream_failed"), row.case


def test_the_documentation_prints_the_table() -> None:
    page = PAGE.read_text()
    assert page == with_tables(page), "run: python tests/outcome_table.py"
