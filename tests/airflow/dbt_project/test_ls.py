from __future__ import annotations

import pytest

from heliograph.airflow.dbt_project.ls import parse_lines
from heliograph.airflow.errors import DbtListError


def test_log_lines_between_nodes_are_passed_over() -> None:
    output = """20:00:00  Running with dbt=1.11.16
{"unique_id": "model.shop.a", "name": "a", "resource_type": "model", "package_name": "shop", "new_key": 1}
{"not": "a node"}

20:00:01  [WARNING]: {something}
{"unique_id": "seed.shop.b", "name": "b", "resource_type": "seed", "package_name": "shop", "depends_on": {"macros": []}}
"""

    assert [node.unique_id for node in parse_lines(output)] == ["model.shop.a", "seed.shop.b"]


def test_a_node_that_cannot_be_read_is_told() -> None:
    with pytest.raises(DbtListError, match=r"cannot be read .*resource_type.*model\.shop\.a"):
        list(parse_lines('{"unique_id": "model.shop.a", "name": "a"}'))
