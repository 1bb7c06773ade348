"""Which sources a selection reads."""

from __future__ import annotations

from typing import Any

import pytest

from heliograph.producer.freshness_scope import (
    Upstream,
    checked_source,
    has_criteria,
    upstream_of_artifact,
    with_sources,
)
from heliograph.producer.sources.port import SelectedNode

ORDERS, PRICES, PLAIN = (f"source.shop.raw.{name}" for name in ("orders", "prices", "plain"))
EPHEMERAL, UNDER = "model.shop.eph", "model.shop.under"


def node(unique_id: str, *parents: str, materialized: str = "table") -> SelectedNode:
    resource_type, *_, name = unique_id.split(".")
    return SelectedNode(
        unique_id=unique_id, resource_type=resource_type, name=name, depends_on=parents, materialized=materialized
    )


UPSTREAM = Upstream(
    ephemerals={
        EPHEMERAL: node(EPHEMERAL, UNDER, materialized="ephemeral"),
        UNDER: node(UNDER, PRICES, materialized="ephemeral"),
    },
    sources={ORDERS: checked_source(ORDERS, "orders"), PRICES: checked_source(PRICES, "prices")},
)


def found(*nodes: SelectedNode) -> list[str]:
    return [one.unique_id for one in with_sources(nodes, UPSTREAM)]


def test_sources_that_are_read_come_after_the_selection_and_others_go() -> None:
    assert found(node("model.shop.a", ORDERS), node(ORDERS), node(PRICES)) == ["model.shop.a", ORDERS]


def test_sources_below_ephemeral_models_are_read() -> None:
    assert found(node("model.shop.a", EPHEMERAL)) == ["model.shop.a", EPHEMERAL, UNDER, PRICES]


def test_sources_below_tables_that_are_not_built_are_not_read() -> None:
    assert found(node("model.shop.a", "model.shop.table_elsewhere")) == ["model.shop.a"]


def test_sources_without_criteria_are_not_checked() -> None:
    assert found(node("model.shop.a", PLAIN)) == ["model.shop.a"]


def test_sources_that_a_retry_asks_for_are_checked_though_nothing_reads_them() -> None:
    asked = with_sources([node("model.shop.a", PRICES)], UPSTREAM, asked={ORDERS, PLAIN, "model.shop.b"})
    assert [one.unique_id for one in asked] == ["model.shop.a", PRICES, ORDERS]


def test_each_source_is_checked_once() -> None:
    assert found(node("model.shop.a", ORDERS), node("model.shop.b", ORDERS)) == ["model.shop.a", "model.shop.b", ORDERS]


@pytest.mark.parametrize(
    ("freshness", "expected"),
    [
        (None, False),
        ({}, False),
        ({"warn_after": {"count": None, "period": None}, "error_after": None}, False),
        ({"warn_after": {"count": 1, "period": "day"}, "error_after": {}}, True),
        ({"warn_after": {"count": 1, "period": None}, "error_after": {"count": 0, "period": "hour"}}, True),
    ],
)
def test_criteria_are_a_count_and_a_period(freshness: dict[str, Any] | None, expected: bool) -> None:
    assert has_criteria(freshness) == expected


def test_the_artifact_tells_ephemeral_models_and_sources_with_criteria() -> None:
    upstream = upstream_of_artifact(
        {
            "nodes": {
                EPHEMERAL: {
                    "resource_type": "model",
                    "name": "eph",
                    "config": {"materialized": "ephemeral"},
                    "depends_on": {"nodes": [ORDERS]},
                },
                "model.shop.a": {"resource_type": "model", "name": "a", "config": {"materialized": "view"}},
                "seed.shop.s": {"resource_type": "seed", "name": "s", "config": {"materialized": "seed"}},
            },
            "sources": {
                ORDERS: {"name": "orders", "freshness": {"error_after": {"count": 1, "period": "day"}}},
                PLAIN: {"name": "plain", "freshness": None},
            },
        }
    )
    assert {uid: one.depends_on for uid, one in upstream.ephemerals.items()} == {EPHEMERAL: (ORDERS,)}
    assert {uid: one.checked for uid, one in upstream.sources.items()} == {ORDERS: True}
