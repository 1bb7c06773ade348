from typing import Any

import pytest

from heliograph.producer.plan import run_plan
from heliograph.producer.sources.port import SelectedNode

TYPES = ["model", "test", "unit_test", "seed", "snapshot", "source", "exposure", "metric", "analysis", "function"]


def node(resource_type: str = "model", name: str = "a", **more: Any) -> SelectedNode:
    return SelectedNode(unique_id=f"{resource_type}.shop.{name}", resource_type=resource_type, name=name, **more)


def planned(nodes: list[SelectedNode], command: str = "build", dbt_version: str = "1.11.16") -> list[str]:
    return [n.unique_id for n in run_plan(nodes, command=command, dbt_version=dbt_version, invocation_id=None).nodes]


@pytest.mark.parametrize(
    ("command", "types"),
    [
        ("build", {"model", "test", "unit_test", "seed", "snapshot", "exposure", "function"}),
        ("run", {"model"}),
        ("test", {"test", "unit_test"}),
        ("seed", {"seed"}),
        ("snapshot", {"snapshot"}),
    ],
)
def test_plans_the_types_the_command_runs(command: str, types: set[str]) -> None:
    assert {uid.split(".")[0] for uid in planned([node(t) for t in TYPES], command)} == types


@pytest.mark.parametrize(
    ("version", "types"), [("1.8.9", set()), ("1.10.0", {"exposure"}), ("1.11.0b2", {"exposure", "function"})]
)
def test_plans_types_only_from_the_dbt_that_reports_them(version: str, types: set[str]) -> None:
    found = planned([node("exposure"), node("function")], dbt_version=version)
    assert {uid.split(".")[0] for uid in found} == types


def test_a_version_nobody_can_read_counts_as_new() -> None:
    assert planned([node("function")], dbt_version="unknown") == ["function.shop.a"]


def test_leaves_out_ephemeral_and_empty_models() -> None:
    nodes = [
        node(name="view", materialized="view"),
        node(name="eph", materialized="ephemeral"),
        node(name="e", empty=True),
    ]
    assert planned(nodes) == ["model.shop.view"]


def test_keeps_dbts_order_and_the_edges() -> None:
    plan = run_plan(
        [node(name="b", depends_on=("model.shop.a",)), node(name="a")],
        command="run",
        dbt_version="1.11.0",
        invocation_id="i",
    )
    assert [(n.name, n.depends_on) for n in plan.nodes] == [("b", ("model.shop.a",)), ("a", ())]
    assert (plan.invocation_id, plan.dbt_version) == ("i", "1.11.0")
