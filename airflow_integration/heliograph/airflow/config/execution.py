"""How and where dbt runs when the DAG runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliograph.airflow.config.render import refuse_runner_with_executable
from heliograph.airflow.constants import ExecutionMode, InvocationMode, StartOrder, TestIndirectSelection
from heliograph.airflow.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    """How dbt is run.

    Attributes:
        execution_mode: how the nodes are run.
        invocation_mode: how dbt is called; None picks by itself.
        test_indirect_selection: dbt's ``--indirect-selection``.
        dbt_executable_path: the dbt to run, where it is not the one of the worker's environment.
        dbt_project_path: folder of the project on the worker, where it differs from ProjectConfig's. Not looked
            at when the DAG file is parsed.
        setup_operator_args: arguments for the producer's operator, over ``operator_args``.
        start_order: when node sensors start; None takes the setting ``[heliograph] start_order``.

    Raises:
        ConfigError: DBT_RUNNER was asked for together with an executable, or there is no such start order.
    """

    execution_mode: ExecutionMode = ExecutionMode.WATCHER
    invocation_mode: InvocationMode | None = None
    test_indirect_selection: TestIndirectSelection = TestIndirectSelection.EAGER
    dbt_executable_path: str | Path | None = None
    dbt_project_path: str | Path | None = None
    setup_operator_args: Mapping[str, Any] | None = None
    start_order: StartOrder | None = None

    def __post_init__(self) -> None:
        if self.start_order is not None:
            object.__setattr__(self, "start_order", _start_order(self.start_order))
        refuse_runner_with_executable(self.invocation_mode, self.dbt_executable_path, "ExecutionConfig")


def _start_order(given: str) -> StartOrder:
    try:
        return StartOrder(given)
    except ValueError as error:
        raise ConfigError(
            f"{given!r} is no start order; there are: {', '.join(StartOrder)}",
            setting="ExecutionConfig.start_order",
            fix="use StartOrder.DEPENDENCY or StartOrder.ALL_AT_ONCE",
        ) from error
