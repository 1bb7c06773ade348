"""The selector answers as ``dbt ls`` does on the same project."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from heliograph.airflow.constants import TestIndirectSelection
from heliograph.airflow.dbt_project.manifest import read_manifest
from heliograph.airflow.dbt_project.selector.select import select_nodes
from shop_project import ShopProject

EAGER = TestIndirectSelection.EAGER


@dataclass(frozen=True)
class Case:
    select: list[str]
    exclude: list[str] = field(default_factory=list)
    indirect: TestIndirectSelection = EAGER

    @property
    def arguments(self) -> list[str]:
        arguments = ["--indirect-selection", self.indirect.value]
        arguments += ["--select", *self.select] if self.select else []
        return arguments + (["--exclude", *self.exclude] if self.exclude else [])


CASES = [
    Case([]),
    Case(["stg_customers"]),
    Case(["report"]),
    Case(["shop.report"]),
    Case(["calendar"]),
    Case(["staging"]),
    Case(["shop.marts.*"]),
    Case(["stg_*"]),
    Case(["shop.*.stg_?rders"]),
    Case(["customers"]),
    Case(["customers.v1"]),
    Case(["customers_v2"]),
    Case(["fqn:shop.marts"]),
    Case(["no_such_node"]),
    Case(["tag:nightly"]),
    Case(["tag:week*"]),
    Case(["tag:web"]),
    Case(["path:models/staging"]),
    Case(["models/marts/report.sql"]),
    Case(["path:models/marts/marts.yml"]),
    Case(["path:models/**/stg_*.sql"]),
    Case(["path:models"]),
    Case(["path:./seeds/"]),
    Case(["path:mod*/staging"]),
    Case(["file:report"]),
    Case(["raw_orders.csv"]),
    Case(["file:stg_*.sql"]),
    Case(["package:calendar"]),
    Case(["package:this"]),
    Case(["resource_type:snapshot"]),
    Case(["resource_type:unit_test"]),
    Case(["source:web"]),
    Case(["source:web.raw_orders+"]),
    Case(["source:shop.web.raw_*"]),
    Case(["exposure:board"]),
    Case(["+exposure:*"]),
    Case(["config.materialized:incremental"]),
    Case(["config.meta.owner:analysts"]),
    Case(["config.severity:WaRn"]),
    Case(["config.tags:weekly"]),
    Case(["config.enabled:true"]),
    Case(["config.nothing.here:true"]),
    Case(["group:finance"]),
    Case(["access:protected"]),
    Case(["version:latest"]),
    Case(["version:old"]),
    Case(["version:none"]),
    Case(["test_type:unit"]),
    Case(["test_type:generic"]),
    Case(["test_type:singular"]),
    Case(["test_type:data"]),
    Case(["test_name:not_null"]),
    Case(["test_name:orders_*"]),
    Case(["unit_test:orders_keep_their_amount"]),
    Case(["+report"]),
    Case(["1+report"]),
    Case(["stg_orders+"]),
    Case(["raw_customers+1"]),
    Case(["2+customers.v2+1"]),
    Case(["@stg_amounts"]),
    Case(["@source:web"]),
    Case(["stg_customers,tag:staging"]),
    Case(["tag:nightly,+report"]),
    Case(["stg_orders stg_customers"]),
    Case(["stg_orders", "tag:weekly"]),
    Case(["tag:nightly"], ["report"]),
    Case([], ["tag:staging+"]),
    Case([], ["resource_type:test"]),
    Case(["stg_customers+"], ["customers_history", "test_name:unique"]),
    Case(["stg_customers"], indirect=TestIndirectSelection.CAUTIOUS),
    Case(["stg_customers", "report"], indirect=TestIndirectSelection.CAUTIOUS),
    Case(["+report"], indirect=TestIndirectSelection.CAUTIOUS),
    Case(["report,tag:weekly", "stg_customers"], indirect=TestIndirectSelection.CAUTIOUS),
    Case(["report"], indirect=TestIndirectSelection.BUILDABLE),
    Case(["stg_customers"], indirect=TestIndirectSelection.BUILDABLE),
    Case(["stg_orders", "report"], indirect=TestIndirectSelection.BUILDABLE),
    Case(["stg_customers+"], ["report"], TestIndirectSelection.BUILDABLE),
    Case(["stg_customers"], indirect=TestIndirectSelection.EMPTY),
    Case(["stg_customers+"], ["stg_amounts"], TestIndirectSelection.EMPTY),
]


@pytest.fixture(scope="module")
def answers(shop: ShopProject) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("ask_dbt_ls.py"))],
        cwd=shop.folder,
        input=json.dumps([case.arguments for case in CASES]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {repr(case): answer for case, answer in zip(CASES, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.arguments[2:]) + f" {case.indirect}")
def test_selects_the_same_nodes_as_dbt_ls(case: Case, shop: ShopProject, answers: dict[str, list[str]]) -> None:
    manifest = read_manifest(shop.manifest)

    selected = select_nodes(
        manifest.nodes,
        select=case.select,
        exclude=case.exclude,
        indirect_selection=case.indirect,
        project_name=manifest.project_name,
    )

    assert sorted(selected) == sorted(answers[repr(case)])


def test_the_cases_tell_selections_apart(answers: dict[str, list[str]]) -> None:
    different = {tuple(sorted(answer)) for answer in answers.values()}

    assert len(different) > len(CASES) // 2
