"""Which tasks a set of dbt nodes becomes: a pure function from nodes to a plan, in linear time.

Tests. ``dbt build`` runs the data tests of a node after it and its unit tests before it, and a failed test of either
kind keeps the node's descendants from running. With ``TestBehavior.AFTER_EACH`` each rendered node with at least one
selected test of either kind gets a ``test`` task that reports all of them; so every selected test with a rendered
parent is reported by the test tasks of its rendered parents, and by no other task. A failed unit test also shows at
the node's own task, because dbt then skips the node. Tests without a rendered parent (of a source only, or of nothing)
have no task; the plan lists them, and the producer's own result tells of them. Detached, a test with several rendered
parents is a task of its own after all of them, and no test task reports it.

Sources. A source with freshness that a selected node reads is a task that reports what dbt's check found; the task of
another one runs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain

from heliograph.airflow.constants import PRODUCER_WATCHER_TASK_ID, SourceRenderingBehavior, TestBehavior
from heliograph.airflow.dbt_project.nodes import DbtNode, tests_by_parent
from heliograph.airflow.rendering.detached_tests import detached_ids, with_several_parents, without
from heliograph.airflow.rendering.gates import TestGates
from heliograph.airflow.rendering.naming import TEST_TASK, VERBS, top_level_ids
from heliograph.airflow.rendering.order import topological
from heliograph.airflow.rendering.source_tasks import checked_sources, source_tasks


class TaskKind(StrEnum):
    """What a planned task reports."""

    BUILD = "build"
    """The node itself: its model run, seed, snapshot, source freshness, or the one test that it is."""
    TEST = "test"
    """The tests of the node."""
    EMPTY = "empty"
    """Nothing: dbt never reports it (an ephemeral model, a source without freshness), it keeps the chain together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One task to make.

    Attributes:
        task_id: the full id within the DAG or the task group of the project, e.g. ``customers.run``.
        label: the last part of it: the task id within ``group_id``.
        group_id: the task group it stands in, None at the top level.
        kind: what it reports.
        node: the dbt node it is for.
        tests: unique ids of the tests a TEST task reports.
        left_out: unique ids of the node's tests that other tasks report.
        upstream: task ids of the tasks it comes after, in order, without doubles.
    """

    task_id: str
    label: str
    group_id: str | None
    kind: TaskKind
    node: DbtNode
    tests: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()

    @property
    def is_root(self) -> bool:
        """Whether no other planned task comes before it."""
        return not self.upstream

    @property
    def unique_id(self) -> str:
        """The dbt id of its node."""
        return self.node.unique_id


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """The tasks of a project.

    Attributes:
        tasks: in topological order: each after all of its upstream tasks.
        unreported_tests: unique ids of selected tests that no task reports, in order.
    """

    tasks: tuple[PlannedTask, ...]
    unreported_tests: tuple[str, ...] = ()

    @cached_property
    def by_node(self) -> Mapping[str, tuple[PlannedTask, ...]]:
        """The tasks of each rendered node, by its unique id: the node's own task, then its test task if any."""
        tasks: dict[str, tuple[PlannedTask, ...]] = {}
        for task in self.tasks:
            tasks[task.unique_id] = (*tasks.get(task.unique_id, ()), task)
        return tasks

    @cached_property
    def checks_freshness(self) -> bool:
        """Whether a task reports the freshness of a source."""
        return any(task.node.is_source and task.kind is TaskKind.BUILD for task in self.tasks)

    @cached_property
    def told(self) -> frozenset[str]:
        """The unique ids of the nodes and tests whose end some task tells."""
        reporting = [task for task in self.tasks if task.kind is not TaskKind.EMPTY]
        nodes = {task.unique_id for task in reporting if task.kind is TaskKind.BUILD}
        return frozenset(nodes.union(*(task.tests for task in reporting)))

    @cached_property
    def leaves(self) -> tuple[PlannedTask, ...]:
        """The tasks no other planned task comes after."""
        inner = {task_id for task in self.tasks for task_id in task.upstream}
        return tuple(task for task in self.tasks if task.task_id not in inner)


def plan_tasks(
    nodes: Iterable[DbtNode],
    *,
    test_behavior: TestBehavior = TestBehavior.AFTER_EACH,
    detach_tests: bool = False,
    sources: SourceRenderingBehavior = SourceRenderingBehavior.NONE,
    root_package: str | None = None,
    reserved_ids: Collection[str] = (PRODUCER_WATCHER_TASK_ID,),
    prefix_length: int = 0,
) -> TaskPlan:
    """Plan the tasks of the selected nodes.

    An edge of dbt becomes an edge of tasks where both of its ends are rendered; what follows a node with a test task
    comes after that test task, where dbt also waits for those tests (see ``gates``).

    Args:
        nodes: the selected nodes with their tests; their order only breaks ties.
        test_behavior: whether tests get tasks.
        detach_tests: a test with several rendered parents becomes a task of its own.
        sources: which sources become tasks.
        root_package: name of the root project; its nodes keep their plain ids where ids would clash.
        reserved_ids: ids at the top level that other tasks have.
        prefix_length: characters that the ids of the groups around the project add to each id.
    """
    selected = list(nodes)
    tests = tests_by_parent(selected) if test_behavior is TestBehavior.AFTER_EACH else {}
    checked = checked_sources(selected, test_behavior)
    with_task = source_tasks(selected, sources, checked=checked, tested=tests)
    rendered = topological([node for node in selected if node.is_buildable or node.unique_id in with_task])
    detached = with_several_parents(selected, {node.unique_id for node in rendered}) if tests and detach_tests else {}
    all_tests, tests = tests, without(tests, detached)
    ids = top_level_ids(rendered, grouped=tests, root_package=root_package, reserved=reserved_ids)
    gates = TestGates(rendered, tests)
    made: dict[str, list[PlannedTask]] = {}
    for node in rendered:
        parents = [parent for parent in dict.fromkeys(node.depends_on) if parent in made]
        upstream = tuple(
            made[parent][-1 if parent in tests and gates.holds_back(parent, node.unique_id) else 0].task_id
            for parent in parents
        )
        made[node.unique_id] = _tasks_of_node(
            node,
            ids[node.unique_id],
            runs_nothing=node.is_ephemeral or (node.is_source and node.unique_id not in checked),
            tests=[test.unique_id for test in tests.get(node.unique_id, ())],
            left_out=[test.unique_id for test in all_tests.get(node.unique_id, ()) if test.unique_id in detached],
            upstream=upstream,
        )
    alone = {test.unique_id: test for test in selected if test.unique_id in detached}
    taken = {*reserved_ids, *ids.values()}
    for unique_id, task_id in detached_ids(alone.values(), taken=taken, prefix_length=prefix_length).items():
        upstream = tuple(made[parent][0].task_id for parent in detached[unique_id])
        made[unique_id] = [_detached(alone[unique_id], task_id, upstream)]
    unreported = [
        test.unique_id
        for test in selected
        if test_behavior is TestBehavior.AFTER_EACH
        and test.is_test
        and not any(parent in made for parent in test.depends_on)
    ]
    return TaskPlan(tasks=tuple(chain.from_iterable(made.values())), unreported_tests=tuple(unreported))


def _detached(test: DbtNode, task_id: str, upstream: tuple[str, ...]) -> PlannedTask:
    return PlannedTask(task_id=task_id, label=task_id, group_id=None, kind=TaskKind.BUILD, node=test, upstream=upstream)


def _tasks_of_node(
    node: DbtNode,
    top_id: str,
    *,
    runs_nothing: bool,
    tests: Sequence[str],
    left_out: Sequence[str],
    upstream: tuple[str, ...],
) -> list[PlannedTask]:
    kind = TaskKind.EMPTY if runs_nothing else TaskKind.BUILD
    if not tests:
        return [PlannedTask(task_id=top_id, label=top_id, group_id=None, kind=kind, node=node, upstream=upstream)]
    verb = VERBS[node.resource_type]
    build = PlannedTask(
        task_id=f"{top_id}.{verb}", label=verb, group_id=top_id, kind=kind, node=node, upstream=upstream
    )
    test = PlannedTask(
        task_id=f"{top_id}.{TEST_TASK}",
        label=TEST_TASK,
        group_id=top_id,
        kind=TaskKind.TEST,
        node=node,
        tests=tuple(tests),
        left_out=tuple(left_out),
        upstream=(build.task_id,),
    )
    return [build, test]
