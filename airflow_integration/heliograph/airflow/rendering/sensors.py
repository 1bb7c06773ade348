"""The keyword arguments of each node's sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heliograph.airflow.assets import asset_of
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.operators.node_task import WarningCallback
from heliograph.airflow.rendering.operator_arguments import fingerprint, node_arguments, of_test_task, overlaid
from heliograph.airflow.rendering.queues import sensor_queues
from heliograph.airflow.rendering.task_plan import PlannedTask, TaskKind


@dataclass(frozen=True, kw_only=True)
class SensorArguments:
    """What sensors get, and what single ones get besides.

    Attributes:
        common: for all sensors.
        nodes: the project's nodes, by unique id.
        on_warning_callback: for the sensors of what can warn: tests, and the freshness of sources.
        asset_namespace: where each node's asset stands; None: no assets.
    """

    common: Mapping[str, Any]
    nodes: Mapping[str, DbtNode]
    on_warning_callback: WarningCallback | None = None
    asset_namespace: str | None = None

    def of(self, planned: PlannedTask) -> dict[str, Any]:
        """The keyword arguments of one planned task's sensor, place and trigger rule aside.

        Raises:
            ConfigError: the ``meta`` of its node is malformed.
        """
        tests = planned.kind is TaskKind.TEST
        own = (
            of_test_task(planned.node, [self.nodes[test] for test in planned.tests])
            if tests
            else node_arguments(planned.node)
        )
        arguments = {
            "unique_id": planned.unique_id,
            "resource_type": planned.node.resource_type,
            "tests": tests,
            **({"except_tests": planned.left_out} if tests and planned.left_out else {}),
            **overlaid(self.common, own),
            **self._callback(planned),
        }
        key = fingerprint(own)
        if key is not None:
            arguments["arguments_key"] = key
        outlets = self._outlets(planned, arguments)
        if outlets:
            arguments["outlets"] = outlets
        visits_worker = bool(outlets) or arguments.get("on_warning_callback") is not None
        return {**arguments, **sensor_queues(arguments, visits_worker=visits_worker)}

    def _callback(self, planned: PlannedTask) -> dict[str, Any]:
        can_warn = planned.kind is TaskKind.TEST or planned.node.is_test or planned.node.is_source
        return {"on_warning_callback": self.on_warning_callback if can_warn else None}

    def _outlets(self, planned: PlannedTask, arguments: Mapping[str, Any]) -> list[Any]:
        given = list(arguments.get("outlets") or ())
        if self.asset_namespace is None or planned.kind is not TaskKind.BUILD:
            return given
        asset = asset_of(planned.node, self.asset_namespace)
        return given if asset is None else [*given, asset]
