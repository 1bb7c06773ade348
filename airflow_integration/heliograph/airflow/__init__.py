"""dbt inside Apache Airflow: one `dbt build`, every node a task, each resolved by an event.

Names are loaded when first used (PEP 562), so that importing one loads only what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
    from heliograph.airflow.constants import (
        DbtResourceType,
        ExecutionMode,
        InvocationMode,
        LoadMode,
        SourceRenderingBehavior,
        StartOrder,
        TestBehavior,
        TestIndirectSelection,
    )
    from heliograph.airflow.dag import DbtDag
    from heliograph.airflow.task_group import DbtTaskGroup

_HOMES = {
    "DbtDag": "dag",
    "DbtTaskGroup": "task_group",
    "ProjectConfig": "config",
    "ProfileConfig": "config",
    "RenderConfig": "config",
    "ExecutionConfig": "config",
    "DbtResourceType": "constants",
    "ExecutionMode": "constants",
    "InvocationMode": "constants",
    "LoadMode": "constants",
    "SourceRenderingBehavior": "constants",
    "StartOrder": "constants",
    "TestBehavior": "constants",
    "TestIndirectSelection": "constants",
}

__all__ = [
    "DbtDag",
    "DbtResourceType",
    "DbtTaskGroup",
    "ExecutionConfig",
    "ExecutionMode",
    "InvocationMode",
    "LoadMode",
    "ProfileConfig",
    "ProjectConfig",
    "RenderConfig",
    "SourceRenderingBehavior",
    "StartOrder",
    "TestBehavior",
    "TestIndirectSelection",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return __all__
