"""Keyword arguments for the operators of a DAG: from its configs, and from the ``meta`` of single dbt nodes."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.config.paths import resolve_paths
from heliograph.airflow.constants import TestBehavior, TestIndirectSelection
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.command import DbtCommandOperator

_log = logging.getLogger(__name__)

_META_BLOCKS = ("cosmos", "heliograph")
"""Below ``meta``; the later one wins."""
_DECIDED_BY_CONFIGS = ("select", "exclude", "project_dir", "profile_config")
_DECIDED_BY_RENDERING = ("task_id", "dag", "task_group", "group_id", "unique_id", "resource_type", "producer_task_id")
_DURATIONS = ("execution_timeout", "retry_delay", "max_retry_delay")
_MERGED = frozenset({"vars", "env"})
_BUILT_WITHOUT_TESTS = ("model", "seed", "snapshot")


def sensor_arguments(
    *,
    project: ProjectConfig,
    profile: ProfileConfig,
    execution: ExecutionConfig,
    render: RenderConfig,
    operator_args: Mapping[str, Any],
) -> dict[str, Any]:
    """What every sensor gets: the configs, ``operator_args`` over them, dbt's part of ``setup_operator_args`` on top.

    That part because a retry runs dbt with what the producer ran it with.

    Raises:
        ConfigError: an argument is given that a config or Heliograph decides.
    """
    setup = execution.setup_operator_args or {}
    _refuse_decided(operator_args, "operator_args")
    _refuse_decided(setup, "ExecutionConfig.setup_operator_args")
    indirect = execution.test_indirect_selection
    configured = {
        "project_dir": resolve_paths(project, render, execution).execution_dir,
        "profile_config": profile,
        "exclude": list(render.exclude),
        "vars": project.dbt_vars or None,
        "env": project.env_vars or None,
        "indirect_selection": indirect.value if indirect is not TestIndirectSelection.EAGER else None,
        "dbt_executable_path": execution.dbt_executable_path,
        "invocation_mode": execution.invocation_mode,
        "install_deps": project.install_dbt_deps,
        "partial_parse": project.partial_parse,
    }
    dbt_setup = {name: value for name, value in setup.items() if name in dbt_argument_names()}
    arguments = {**overlaid(overlaid(configured, operator_args), dbt_setup), "select": list(render.select)}
    if render.test_behavior is TestBehavior.NONE:
        only = [word for built in _BUILT_WITHOUT_TESTS for word in ("--resource-type", built)]
        arguments["dbt_cmd_flags"] = [*arguments.get("dbt_cmd_flags", ()), *only]
    return arguments


def producer_arguments(sensor: Mapping[str, Any], execution: ExecutionConfig) -> dict[str, Any]:
    """What the producer gets: the sensors' arguments, and Airflow's part of ``setup_operator_args`` over them."""
    setup = execution.setup_operator_args or {}
    return {**sensor, **{name: value for name, value in setup.items() if name not in dbt_argument_names()}}


def overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both together; ``over`` wins. ``vars`` and ``env`` are laid over each other name by name where both are known.

    Raises:
        ConfigError: one of the two ``vars`` or ``env`` is only known when the DAG runs.
    """
    together = {**under, **over}
    for name in together.keys() & _MERGED:
        lower, upper = under.get(name), over.get(name)
        if not lower or not upper:
            together[name] = upper or lower
        elif isinstance(lower, Mapping) and isinstance(upper, Mapping):
            together[name] = {**lower, **upper}
        else:
            raise ConfigError(
                f"{name} is given twice, once as a value that is only known when the DAG runs",
                setting=f"operator_args[{name!r}], ProjectConfig",
                fix=f'give one dictionary, with the late values in it, e.g. {{"{name}": {{"day": task.output}}}}',
            )
    return together


def node_arguments(node: DbtNode) -> dict[str, Any]:
    """The ``operator_kwargs`` of the node's ``meta``; durations are seconds there.

    Raises:
        ConfigError: the block is malformed, or says what Heliograph decides.
    """
    arguments: dict[str, Any] = {}
    for block in _META_BLOCKS:
        field = f"meta.{block}.operator_kwargs of {node.unique_id}"
        found = _mapping(node.meta.get(block), f"meta.{block} of {node.unique_id}")
        given = _mapping(found.get("operator_kwargs"), field)
        _refuse_decided(given, field)
        arguments = overlaid(arguments, {name: _value(name, value, field) for name, value in given.items()})
    return arguments


def of_test_task(node: DbtNode, tests: Iterable[DbtNode]) -> dict[str, Any]:
    """What the test task of a node gets: the node's own arguments, those of its tests over them.

    Of several tests that say different things the last wins, and a warning tells.
    """
    together = node_arguments(node)
    said: dict[str, tuple[str, Any]] = {}
    for test in tests:
        arguments = node_arguments(test)
        for name, value in arguments.items():
            if name in said and said[name][1] != value:
                _log.warning(
                    "The test task of %s takes %s=%r from %s; %s says %r",
                    *(node.unique_id, name, value, test.unique_id, *said[name]),
                )
            said[name] = (test.unique_id, value)
        together = overlaid(together, arguments)
    return together


def fingerprint(own: Mapping[str, Any]) -> str | None:
    """Equal for equal dbt arguments of single nodes: these can be retried by one dbt command. None: they have none."""
    of_dbt = {name: value for name, value in own.items() if name in dbt_argument_names()}
    if not of_dbt:
        return None
    return hashlib.sha256(json.dumps(of_dbt, sort_keys=True, default=repr).encode()).hexdigest()[:16]


@cache
def dbt_argument_names() -> frozenset[str]:
    """The arguments that are about dbt, not about Airflow."""
    own = inspect.signature(DbtCommandOperator.__init__).parameters
    return frozenset(own) - {"self", "kwargs", "group_id", *_DECIDED_BY_CONFIGS}


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return value
    raise ConfigError(
        f"{value!r} is not a mapping of names to values",
        setting=field,
        fix="write it as `meta: {heliograph: {operator_kwargs: {pool: warehouse}}}`",
    )


def _value(name: str, value: object, field: str) -> object:
    if name not in _DURATIONS or value is None:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{name} is {value!r}, not a number", setting=field, fix="write seconds, e.g. 600")
    return timedelta(seconds=value)


def _refuse_decided(given: Mapping[str, Any], field: str) -> None:
    for name in given:
        if name in _DECIDED_BY_CONFIGS:
            raise ConfigError(
                f"It holds {name!r}, which the configs decide",
                setting=field,
                fix="use RenderConfig.select and .exclude, ProjectConfig.dbt_project_path, or profile_config",
            )
        if name in _DECIDED_BY_RENDERING:
            raise ConfigError(f"It holds {name!r}, which Heliograph decides", setting=field, fix="leave it out")
