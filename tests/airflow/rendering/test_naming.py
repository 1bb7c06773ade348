from __future__ import annotations

import itertools
import re

from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.rendering.naming import MAX_NAME_LENGTH, top_level_ids


def _node(unique_id: str) -> DbtNode:
    resource_type, package, name = unique_id.split(".", 2)
    return DbtNode(unique_id=unique_id, resource_type=resource_type, package_name=package, dbt_name=name)


def test_a_node_alone_is_named_after_what_dbt_does_with_it() -> None:
    ids = top_level_ids(
        [_node("model.shop.a"), _node("seed.shop.b"), _node("snapshot.shop.c"), _node("model.shop.d.v2")]
    )

    assert ids == {
        "model.shop.a": "a_run",
        "seed.shop.b": "b_seed",
        "snapshot.shop.c": "c_snapshot",
        "model.shop.d.v2": "d_v2_run",
    }


def test_a_node_with_a_group_gives_it_its_name() -> None:
    assert top_level_ids([_node("model.shop.a")], grouped={"model.shop.a"}) == {"model.shop.a": "a"}


def test_in_a_clash_the_root_project_keeps_the_plain_id() -> None:
    nodes = [_node("model.calendar.report"), _node("model.shop.report")]

    ids = top_level_ids(nodes, root_package="shop")

    assert ids == {"model.shop.report": "report_run", "model.calendar.report": "calendar__report_run"}


def test_without_a_root_project_all_of_a_clash_are_told_apart_by_package() -> None:
    ids = top_level_ids([_node("model.a.report"), _node("model.b.report")])

    assert ids == {"model.a.report": "a__report_run", "model.b.report": "b__report_run"}


def test_a_clash_within_a_package_is_told_apart_by_resource_type() -> None:
    nodes = [_node("model.shop.orders"), _node("seed.shop.orders")]

    ids = top_level_ids(nodes, grouped={node.unique_id for node in nodes}, root_package="shop")

    assert ids == {"model.shop.orders": "shop__model__orders", "seed.shop.orders": "shop__seed__orders"}


def test_a_group_and_a_task_do_not_share_an_id() -> None:
    nodes = [_node("model.shop.a"), _node("model.shop.a_run")]

    ids = top_level_ids(nodes, grouped={"model.shop.a_run"}, root_package="shop")

    assert len(set(ids.values())) == 2


def test_an_id_that_another_task_has_is_not_used() -> None:
    node = _node("model.shop.producer")

    assert top_level_ids([node], grouped={node.unique_id}, reserved={"producer"}) == {node.unique_id: "shop__producer"}


def test_names_that_become_equal_are_numbered() -> None:
    nodes = [_node("model.shop.a.b"), _node("model.shop.a_b"), _node("model.shop.a b")]

    ids = top_level_ids(nodes)

    assert sorted(ids.values()) == ["shop__model__a_b__2_run", "shop__model__a_b__3_run", "shop__model__a_b__4_run"]


def test_ids_do_not_depend_on_the_order_of_nodes() -> None:
    nodes = [
        _node(unique_id)
        for unique_id in ("model.shop.a", "model.x.a", "seed.shop.a", "model.shop.a.b", "model.shop.a_b", "model.y.a")
    ]
    grouped = {"model.shop.a", "seed.shop.a"}

    found = {
        tuple(sorted(top_level_ids(order, grouped=grouped, root_package="shop").items()))
        for order in itertools.permutations(nodes)
    }

    assert len(found) == 1


def test_airflow_accepts_the_id_of_any_name() -> None:
    nodes = [
        _node("model.shop.sales 2026/Q1 (été)"),
        _node("model.shop." + "long_" * 80 + "a"),
        _node("model.shop." + "long_" * 80 + "b"),
    ]

    ids = list(top_level_ids(nodes).values())

    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[\w-]+", top_id) for top_id in ids)
    assert max(map(len, ids)) <= MAX_NAME_LENGTH + len("_snapshot")
