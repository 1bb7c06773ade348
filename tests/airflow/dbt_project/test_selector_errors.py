from __future__ import annotations

import pytest

from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.dbt_project.selector.select import select_nodes
from heliograph.airflow.errors import SelectorError


def _select(*expressions: str) -> list[str]:
    node = DbtNode(
        unique_id="model.shop.a", resource_type="model", package_name="shop", dbt_name="a", fqn=("shop", "a")
    )
    return list(select_nodes({node.unique_id: node}, select=expressions, project_name="shop"))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("colour:red", "no selection method 'colour', used in 'colour:red'; there are: access, config"),
        ("state:modified+", "'state' in 'state:modified+' compares with an earlier run"),
        ("result:error", "'result' in 'result:error' compares"),
        ("source_status:fresher", "'source_status' in"),
        ("@a+", "'@a+' has both @ before and + after"),
        ("tag:", "'tag:' is not a selection"),
        ("+", "'+' is not a selection"),
        ("a,", "'a,' is not a selection"),
        ("resource_type:modle", "'modle' is no resource_type; there are: model"),
        ("test_type:big", "'big' is no test_type; there are: generic, singular, data, unit"),
        ("version:newest", "'newest' is no version; there are: latest"),
        ("source:a.b.c.d", "'a.b.c.d' is not a source"),
        ("exposure:a.b.c", "'a.b.c' is not a exposure"),
    ],
)
def test_an_expression_that_is_not_understood_is_named(expression: str, said: str) -> None:
    with pytest.raises(SelectorError) as caught:
        _select(expression)

    assert said in str(caught.value)
    assert "RenderConfig.select" in str(caught.value)
    assert "Fix:" in str(caught.value)


def test_blanks_around_and_between_expressions_mean_nothing() -> None:
    assert _select("  a   b ", "") == ["model.shop.a"]


def test_a_selection_that_matches_nothing_is_empty() -> None:
    assert _select("tag:none_has_it") == []
