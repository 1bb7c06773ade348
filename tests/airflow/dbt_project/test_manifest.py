from __future__ import annotations

import json
from pathlib import Path

import pytest

from heliograph.airflow.dbt_project.manifest import read_manifest
from heliograph.airflow.errors import ManifestError
from shop_project import ShopProject


def test_reads_the_project_name_and_every_kind_of_node(shop: ShopProject) -> None:
    manifest = read_manifest(shop.manifest)

    assert manifest.project_name == "shop"
    kinds = {node.resource_type for node in manifest.nodes.values()}
    assert kinds == {"model", "seed", "snapshot", "test", "unit_test", "source", "exposure"}


def test_reads_what_selection_and_rendering_need(shop: ShopProject) -> None:
    nodes = read_manifest(shop.manifest).nodes

    customers = nodes["model.shop.customers.v1"]
    assert (customers.name, customers.resource_name, customers.dbt_name) == (
        "customers_v1",
        "customers.v1",
        "customers",
    )
    assert (customers.version, customers.latest_version) == ("1", "2")
    assert customers.depends_on == ("model.shop.stg_customers",)
    assert customers.meta == {"owner": "analysts"}
    assert nodes["model.shop.stg_amounts"].is_ephemeral
    assert nodes["source.shop.web.raw_orders"].source_name == "web"
    assert nodes["model.shop.report"].access == "protected"


def test_tells_generic_tests_from_tests_of_their_own_sql(shop: ShopProject) -> None:
    tests = [node for node in read_manifest(shop.manifest).nodes.values() if node.resource_type == "test"]

    assert {test.test_name for test in tests if test.is_generic_test} == {"not_null", "unique", "relationships"}
    assert {test.name for test in tests if not test.is_generic_test} == {"always_true", "amounts_add_up"}


def test_a_manifest_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"metadata": {"project_name": "one"}, "nodes": {}}))
    assert read_manifest(path).project_name == "one"

    path.write_text(json.dumps({"metadata": {"project_name": "three"}, "nodes": {}}))

    assert read_manifest(path).project_name == "three"


def test_fields_and_sections_of_a_newer_dbt_are_ignored(tmp_path: Path) -> None:
    node = {"resource_type": "model", "name": "a", "package_name": "shop", "from_the_future": {"x": [1]}}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"metadata": {}, "nodes": {"model.shop.a": node}, "holograms": {"h": 1}}))

    assert list(read_manifest(path).nodes) == ["model.shop.a"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no manifest at"),
        ("", "is empty"),
        ("not json", "is not JSON"),
        ('{"metadata": {}, "nodes": {"model.shop.a"', "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "is not a dbt manifest"),
        ('{"results": []}', "is not a dbt manifest"),
        ('{"metadata": {}, "nodes": {"m": {"name": "m", "package_name": "p"}}}', "is not a dbt manifest"),
        ('{"metadata": {}, "nodes": {"m": {"resource_type": 1}}}', "is not a dbt manifest"),
    ],
    ids=["missing", "empty", "text", "cut off", "binary", "a list", "run results", "node without a type", "wrong type"],
)
def test_what_is_no_manifest_is_told_with_its_path_and_field(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))

    with pytest.raises(ManifestError) as caught:
        read_manifest(path)

    message = str(caught.value)
    assert said in message
    assert str(path) in message
    assert "ProjectConfig.manifest_path" in message
    assert "Fix:" in message


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path)
