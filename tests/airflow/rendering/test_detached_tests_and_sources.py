"""Tests with several parents, and sources, as tasks of their own."""

from __future__ import annotations

from heliograph.airflow.constants import SourceRenderingBehavior, TestBehavior
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.rendering.task_plan import PlannedTask, TaskKind, TaskPlan, plan_tasks

A, B, C = "model.shop.a", "model.shop.b", "model.shop.c"
CLICKS, ORDERS = "source.shop.web.clicks", "source.shop.web.orders"


def node(unique_id: str, *parents: str, dbt_name: str | None = None, has_freshness: bool = False) -> DbtNode:
    resource_type, package, name = unique_id.split(".", 2)
    return DbtNode(
        unique_id=unique_id,
        resource_type=resource_type,
        package_name=package,
        dbt_name=dbt_name or name,
        depends_on=parents,
        has_freshness=has_freshness,
    )


def detached(*nodes: DbtNode, prefix_length: int = 0) -> dict[str, PlannedTask]:
    plan = plan_tasks(nodes, detach_tests=True, prefix_length=prefix_length)
    return {task.task_id: task for task in plan.tasks}


def test_a_test_of_two_models_becomes_a_task_after_both() -> None:
    tasks = detached(node(A), node(B, A), node("test.shop.a_and_b.123", A, B, dbt_name="a_and_b"))

    task = tasks["a_and_b_test"]
    assert task.upstream == ("a_run", "b_run")
    assert (task.kind, task.unique_id) == (TaskKind.BUILD, "test.shop.a_and_b.123")


def test_test_tasks_leave_out_what_has_a_task_of_its_own() -> None:
    tasks = detached(node(A), node(B), node("test.shop.own", A), node("test.shop.both", A, B))

    assert tasks["a.test"].tests == ("test.shop.own",)
    assert tasks["a.test"].left_out == ("test.shop.both",)
    assert "b.test" not in tasks
    assert set(tasks) == {"a.run", "a.test", "b_run", "both_test"}


def test_by_default_such_a_test_counts_for_each_parent() -> None:
    plan = plan_tasks([node(A), node(B), node("test.shop.both", A, B)])

    assert {task.task_id: task.tests for task in plan.tasks if task.tests} == {
        "a.test": ("test.shop.both",),
        "b.test": ("test.shop.both",),
    }
    assert {task.left_out for task in plan.tasks} == {()}


def test_only_parents_that_are_rendered_make_it_several() -> None:
    tasks = detached(node(A), node("test.shop.both", A, "model.shop.not_selected"))

    assert set(tasks) == {"a.run", "a.test"}


def test_nothing_in_between_waits_for_a_detached_test() -> None:
    tasks = detached(node(A), node(B, A), node(C, B), node("test.shop.both", A, C))

    assert tasks["b_run"].upstream == ("a_run",)
    assert not [task for task in tasks.values() if "both_test" in task.upstream]


def test_ids_that_are_too_long_or_taken_are_numbered() -> None:
    both = (A, B)
    long_name = "x" * 246
    tests = [
        node("test.shop.1", *both, dbt_name=long_name),
        node("test.shop.2", *both, dbt_name="a"),
        node("test.shop.3", *both, dbt_name="a"),
    ]

    tasks = detached(node(A), node(B), *tests)

    assert {task.unique_id: task_id for task_id, task in tasks.items() if task.node.is_test} == {
        "test.shop.1": "detached_0_test",
        "test.shop.2": "a_test",
        "test.shop.3": "detached_1_test",
    }


def test_the_groups_around_a_task_count_for_the_length_of_its_id() -> None:
    test = node("test.shop.1", A, B, dbt_name="x" * 230)

    assert "x" * 230 + "_test" in detached(node(A), node(B), test, prefix_length=14)
    assert "detached_0_test" in detached(node(A), node(B), test, prefix_length=15)


def with_sources(behavior: SourceRenderingBehavior, *more: DbtNode) -> TaskPlan:
    nodes = [node(CLICKS, has_freshness=True), node(ORDERS), node(A, CLICKS, ORDERS), *more]
    return plan_tasks(nodes, sources=behavior)


def described(plan: TaskPlan) -> dict[str, tuple[TaskKind, tuple[str, ...]]]:
    return {task.task_id: (task.kind, task.upstream) for task in plan.tasks}


def test_sources_are_no_tasks_unless_asked() -> None:
    assert described(with_sources(SourceRenderingBehavior.NONE)) == {"a_run": (TaskKind.BUILD, ())}


def test_all_sources_are_tasks_and_those_without_freshness_run_nothing() -> None:
    plan = with_sources(SourceRenderingBehavior.ALL)

    assert described(plan) == {
        "web_clicks_source": (TaskKind.BUILD, ()),
        "web_orders_source": (TaskKind.EMPTY, ()),
        "a_run": (TaskKind.BUILD, ("web_clicks_source", "web_orders_source")),
    }
    assert plan.checks_freshness


def test_sources_with_tests_or_freshness_are_tasks() -> None:
    only_fresh = with_sources(SourceRenderingBehavior.WITH_TESTS_OR_FRESHNESS)
    tested = with_sources(SourceRenderingBehavior.WITH_TESTS_OR_FRESHNESS, node("test.shop.t", ORDERS))

    assert set(described(only_fresh)) == {"web_clicks_source", "a_run"}
    assert described(tested) == {
        "web_clicks_source": (TaskKind.BUILD, ()),
        "web_orders.source": (TaskKind.EMPTY, ()),
        "web_orders.test": (TaskKind.TEST, ("web_orders.source",)),
        "a_run": (TaskKind.BUILD, ("web_clicks_source", "web_orders.test")),
    }
    assert tested.unreported_tests == ()


def test_a_source_that_no_selected_node_reads_is_not_checked() -> None:
    unread = [node(CLICKS, has_freshness=True), node(A)]
    only_tested = [*unread, node("test.shop.t", CLICKS)]
    some, every = SourceRenderingBehavior.WITH_TESTS_OR_FRESHNESS, SourceRenderingBehavior.ALL

    assert described(plan_tasks(unread, sources=some)) == {"a_run": (TaskKind.BUILD, ())}
    assert described(plan_tasks(unread, sources=every))["web_clicks_source"] == (TaskKind.EMPTY, ())
    assert described(plan_tasks(only_tested, sources=some))["web_clicks.source"] == (TaskKind.BUILD, ())
    untested = plan_tasks(only_tested, sources=every, test_behavior=TestBehavior.NONE)
    assert not untested.checks_freshness


def test_without_freshness_nothing_is_checked() -> None:
    assert not plan_tasks([node(ORDERS), node(A, ORDERS)], sources=SourceRenderingBehavior.ALL).checks_freshness
