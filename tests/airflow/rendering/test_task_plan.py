from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.airflow.constants import TestBehavior
from heliograph.airflow.dbt_project.manifest import read_manifest
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.dbt_project.selector.select import select_nodes
from heliograph.airflow.errors import ManifestError
from heliograph.airflow.rendering.task_plan import PlannedTask, TaskKind, TaskPlan, plan_tasks
from shop_project import ShopProject


def _node(unique_id: str, *parents: str, **config: str) -> DbtNode:
    resource_type, package, name = unique_id.split(".", 2)
    return DbtNode(
        unique_id=unique_id,
        resource_type=resource_type,
        package_name=package,
        dbt_name=name,
        depends_on=parents,
        config=config,
    )


def _edges(plan: TaskPlan) -> dict[str, tuple[str, ...]]:
    return {task.task_id: task.upstream for task in plan.tasks}


def _plan_shop(shop: ShopProject, *select: str, test_behavior: TestBehavior = TestBehavior.AFTER_EACH) -> TaskPlan:
    manifest = read_manifest(shop.manifest)
    nodes = select_nodes(manifest.nodes, select=select, project_name=manifest.project_name)
    return plan_tasks(nodes.values(), test_behavior=test_behavior, root_package=manifest.project_name)


def test_the_shop_project_becomes_these_tasks(shop: ShopProject) -> None:
    plan = _plan_shop(shop)

    assert {task_id: set(upstream) for task_id, upstream in _edges(plan).items()} == {
        "raw_customers.seed": set(),
        "raw_customers.test": {"raw_customers.seed"},
        "raw_orders_seed": set(),
        "raw_days_seed": set(),
        "days_run": {"raw_days_seed"},
        "report_run": {"days_run"},
        "stg_customers.run": {"raw_customers.test"},
        "stg_customers.test": {"stg_customers.run"},
        "stg_orders.run": {"raw_orders_seed"},
        "stg_orders.test": {"stg_orders.run"},
        "stg_amounts.run": {"stg_orders.run"},
        "stg_amounts.test": {"stg_amounts.run"},
        "customers_v1.run": {"stg_customers.run"},
        "customers_v1.test": {"customers_v1.run"},
        "customers_v2.run": {"stg_customers.run", "stg_amounts.test"},
        "customers_v2.test": {"customers_v2.run"},
        "customers_history.snapshot": {"stg_customers.run"},
        "customers_history.test": {"customers_history.snapshot"},
        "daily.run": {"days_run", "stg_orders.run"},
        "daily.test": {"daily.run"},
        "report.run": {"customers_v2.test"},
        "report.test": {"report.run"},
    }


def test_every_task_knows_its_group_and_its_node(shop: ShopProject) -> None:
    tasks = {task.task_id: task for task in _plan_shop(shop).tasks}

    assert (tasks["report.run"].group_id, tasks["report.run"].label) == ("report", "run")
    assert (tasks["raw_orders_seed"].group_id, tasks["raw_orders_seed"].label) == (None, "raw_orders_seed")
    assert tasks["report.run"].unique_id == tasks["report.test"].unique_id == "model.shop.report"
    assert tasks["raw_orders_seed"].is_root
    assert not tasks["report.run"].is_root


def test_an_ephemeral_model_is_a_task_that_reports_nothing(shop: ShopProject) -> None:
    kinds = {task.task_id: task.kind for task in _plan_shop(shop).tasks}

    assert {task_id for task_id, kind in kinds.items() if kind is TaskKind.EMPTY} == {"stg_amounts.run"}
    assert kinds["stg_amounts.test"] is TaskKind.TEST
    assert kinds["report.run"] is TaskKind.BUILD


def test_every_selected_test_is_reported_by_its_rendered_parents_or_listed(shop: ShopProject) -> None:
    plan = _plan_shop(shop)
    nodes = read_manifest(shop.manifest).nodes
    rendered = {task.unique_id for task in plan.tasks}

    for test in (node for node in nodes.values() if node.is_test):
        reporting = {task.unique_id for task in plan.tasks if test.unique_id in task.tests}
        assert reporting == rendered & set(test.depends_on)
        assert (test.unique_id in plan.unreported_tests) == (not reporting)
    assert {unique_id.split(".")[2] for unique_id in plan.unreported_tests} == {
        "always_true",
        "source_not_null_web_raw_orders_id",
    }


def test_a_unit_test_alone_makes_a_test_task(shop: ShopProject) -> None:
    (task,) = [task for task in _plan_shop(shop, "stg_orders,test_type:unit", "stg_orders").tasks if task.tests]

    assert task.task_id == "stg_orders.test"
    assert "unit_test.shop.stg_orders.orders_keep_their_amount" in task.tests


def test_without_tests_every_node_is_one_task(shop: ShopProject) -> None:
    plan = _plan_shop(shop, "+shop.marts.report", test_behavior=TestBehavior.NONE)

    assert {task_id: set(upstream) for task_id, upstream in _edges(plan).items()} == {
        "raw_customers_seed": set(),
        "raw_orders_seed": set(),
        "stg_customers_run": {"raw_customers_seed"},
        "stg_orders_run": {"raw_orders_seed"},
        "stg_amounts_run": {"stg_orders_run"},
        "customers_v2_run": {"stg_customers_run", "stg_amounts_run"},
        "report_run": {"customers_v2_run"},
    }
    assert plan.unreported_tests == ()


def test_tests_of_nodes_that_are_not_rendered_make_no_task() -> None:
    plan = plan_tasks([_node("test.shop.t", "model.shop.not_selected")])

    assert plan.tasks == ()
    assert plan.unreported_tests == ("test.shop.t",)


def test_only_edges_between_rendered_nodes_count() -> None:
    plan = plan_tasks([_node("model.shop.a", "source.shop.s.t"), _node("model.shop.c", "model.shop.not_selected")])

    assert _edges(plan) == {"a_run": (), "c_run": ()}


def test_what_follows_a_tested_node_comes_after_its_tests() -> None:
    nodes = [_node("model.shop.a"), _node("model.shop.b", "model.shop.a"), _node("test.shop.t", "model.shop.a")]

    assert _edges(plan_tasks(nodes)) == {"a.run": (), "a.test": ("a.run",), "b_run": ("a.test",)}


def test_a_test_with_a_parent_further_down_holds_nothing_back_in_between() -> None:
    nodes = [
        _node("model.shop.a"),
        _node("model.shop.b", "model.shop.a"),
        _node("model.shop.c", "model.shop.b"),
        _node("model.shop.d", "model.shop.c", "model.shop.a"),
        _node("test.shop.a_and_c", "model.shop.a", "model.shop.c"),
    ]

    edges = _edges(plan_tasks(nodes))

    assert edges["b_run"] == ("a.run",)
    assert edges["c.run"] == ("b_run",)
    assert edges["d_run"] == ("c.test", "a.test")


def test_a_parent_named_twice_is_one_edge() -> None:
    nodes = [_node("model.shop.a"), _node("model.shop.b", "model.shop.a", "model.shop.a")]

    assert _edges(plan_tasks(nodes))["b_run"] == ("a_run",)


def test_tasks_of_a_node_and_last_tasks_can_be_looked_up() -> None:
    nodes = [_node("model.shop.a"), _node("model.shop.b", "model.shop.a"), _node("test.shop.t", "model.shop.a")]

    plan = plan_tasks(nodes)

    assert [task.task_id for task in plan.by_node["model.shop.a"]] == ["a.run", "a.test"]
    assert [task.task_id for task in plan.leaves] == ["b_run"]


def test_nodes_in_a_circle_are_named() -> None:
    nodes = [_node("model.shop.a", "model.shop.b"), _node("model.shop.b", "model.shop.a")]

    with pytest.raises(ManifestError, match=r"in a circle: .*model\.shop\.a.*Fix: make the manifest anew"):
        plan_tasks(nodes)


@st.composite
def _projects(draw: st.DrawFn) -> list[DbtNode]:
    count = draw(st.integers(1, 12))
    nodes = []
    for number in range(count):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        nodes.append(_node(f"model.shop.m{number}", *(f"model.shop.m{parent}" for parent in sorted(parents))))
    for number in range(draw(st.integers(0, 6))):
        parents = draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=3))
        nodes.append(_node(f"test.shop.t{number}", *(f"model.shop.m{parent}" for parent in sorted(parents))))
    return draw(st.permutations(nodes))


@given(_projects())
def test_no_task_waits_for_what_dbt_does_after_it(nodes: list[DbtNode]) -> None:
    """Together with dbt's own order (tests after all of their parents) the edges form no circle."""
    plan = plan_tasks(nodes)
    by_id = {node.unique_id: node for node in nodes}
    done: set[str] = set()

    for task in _in_an_order_dbt_allows(plan, by_id):
        assert done.issuperset(task.upstream)
        done.add(task.task_id)
    assert done == {task.task_id for task in plan.tasks}


def _in_an_order_dbt_allows(plan: TaskPlan, by_id: dict[str, DbtNode]) -> Iterable[PlannedTask]:
    """Repeatedly yields a task whose upstream tasks and, for a test task, whose tests' parents have ended."""
    waiting = list(plan.tasks)
    ended: set[str] = set()
    built: set[str] = set()
    while waiting:
        ready = next(
            task
            for task in waiting
            if ended.issuperset(task.upstream) and all(built.issuperset(by_id[test].depends_on) for test in task.tests)
        )
        waiting.remove(ready)
        ended.add(ready.task_id)
        if ready.kind is not TaskKind.TEST:
            built.add(ready.unique_id)
        yield ready


@given(_projects())
def test_tasks_stand_after_their_upstream_tasks_and_have_ids_of_their_own(nodes: list[DbtNode]) -> None:
    seen: set[str] = set()

    for task in plan_tasks(nodes).tasks:
        assert seen.issuperset(task.upstream)
        assert task.task_id not in seen
        seen.add(task.task_id)


@given(_projects(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_changes_no_edge(nodes: list[DbtNode], chance: random.Random) -> None:
    shuffled = list(nodes)
    chance.shuffle(shuffled)

    assert _edges(plan_tasks(shuffled)) == _edges(plan_tasks(nodes))
