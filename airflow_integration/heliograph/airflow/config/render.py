"""What of the project becomes tasks, and how it is read when the DAG file is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heliograph.airflow.constants import InvocationMode, LoadMode, SourceRenderingBehavior, TestBehavior
from heliograph.airflow.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """Which nodes are rendered as tasks.

    Attributes:
        load_method: where the nodes are read from.
        select: dbt selection; a list means union.
        exclude: dbt selection of what to leave out.
        test_behavior: which tasks tests get.
        should_detach_multiple_parents_tests: a test with several rendered parents becomes a task of its own,
            downstream of all of them; otherwise it counts for the test task of each parent.
        source_rendering_behavior: which sources become tasks. Where one has freshness, dbt checks it before it builds.
        emit_datasets: each node's task has the node's relation as outlet and emits its asset event when the node is
            done; None takes the setting ``[heliograph] emit_datasets``.
        dbt_executable_path: the dbt to list nodes with, where it is not the one of this environment.
        invocation_mode: how dbt is called to list nodes; None picks by itself.
        dbt_project_path: folder of the project when the DAG file is parsed, where it differs from ProjectConfig's.

    Raises:
        ConfigError: DBT_RUNNER was asked for together with an executable.
    """

    load_method: LoadMode = LoadMode.AUTOMATIC
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    test_behavior: TestBehavior = TestBehavior.AFTER_EACH
    should_detach_multiple_parents_tests: bool = False
    source_rendering_behavior: SourceRenderingBehavior = SourceRenderingBehavior.NONE
    emit_datasets: bool | None = None
    dbt_executable_path: str | Path | None = None
    invocation_mode: InvocationMode | None = None
    dbt_project_path: str | Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "select", _as_tuple(self.select, "RenderConfig.select"))
        object.__setattr__(self, "exclude", _as_tuple(self.exclude, "RenderConfig.exclude"))
        refuse_runner_with_executable(self.invocation_mode, self.dbt_executable_path, "RenderConfig")


def _as_tuple(value: Sequence[str] | None, setting: str) -> tuple[str, ...]:
    if value is None:
        return ()
    expressions = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(expression, str) for expression in expressions):
        raise ConfigError(
            f"{expressions!r} is not a list of texts", setting=setting, fix='give a list such as ["tag:nightly"]'
        )
    return expressions


def refuse_runner_with_executable(mode: InvocationMode | None, executable: str | Path | None, config: str) -> None:
    """Raises ConfigError where dbt's Python entry point and a foreign executable are asked for at once."""
    if mode is InvocationMode.DBT_RUNNER and executable is not None:
        raise ConfigError(
            "InvocationMode.DBT_RUNNER runs the dbt of this Python environment, so it cannot run another executable",
            setting=f"{config}.invocation_mode, {config}.dbt_executable_path",
            fix="use InvocationMode.SUBPROCESS, or leave dbt_executable_path out",
        )
