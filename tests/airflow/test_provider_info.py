from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import airflow
import jsonschema
import pytest

from heliograph.airflow import settings
from heliograph.airflow.provider_info import get_provider_info


def test_airflow_accepts_what_it_is_told() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)


@pytest.mark.parametrize("option", ["heartbeat_s", "lease_s", "drain_limit_s", "start_order"])
def test_the_defaults_shown_are_the_defaults_used(option: str) -> None:
    shown = get_provider_info()["config"]["heliograph"]["options"][option]["default"]

    assert str(getattr(settings, option)()).removesuffix(".0") == shown


def test_every_class_and_module_named_exists() -> None:
    info = get_provider_info()
    for entry in [*info["hooks"], *info["triggers"]]:
        for module in entry["python-modules"]:
            import_module(module)
    for connection_type in info["connection-types"]:
        module, name = connection_type["hook-class-name"].rsplit(".", 1)
        assert getattr(import_module(module), name).conn_type == connection_type["connection-type"]
