"""The operator base: holds the arguments of a dbt command, runs it and publishes its events."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from heliograph.airflow import settings
from heliograph.airflow.bus import resolve_bus_url
from heliograph.airflow.config import ProfileConfig
from heliograph.airflow.constants import InvocationMode
from heliograph.airflow.operators.artefacts import ArtefactCallback, own_folder
from heliograph.airflow.operators.dbt_arguments import DbtArguments
from heliograph.airflow.operators.memory_xcom import push_memory_peak
from heliograph.airflow.run_key import run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from heliograph.consumers.next_attempt import NextAttempt
    from heliograph.producer.command import CommandResult, DbtCommand
    from heliograph.producer.freshness_report import DecideStale


class DbtCommandOperator(BaseOperator):
    """Runs one dbt command of a project.

    Args:
        project_dir: the dbt project.
        profile_config: how dbt connects.
        group_id: the DbtTaskGroup this task is in; part of the run's key on the bus.
        select, exclude, vars, full_refresh, fail_fast, warn_error, no_version_check, quiet, partial_parse,
            indirect_selection, dbt_cmd_flags, dbt_cmd_global_flags: as ``DbtArguments`` tells.
        env: environment variables for dbt; append_env: whether dbt also sees the worker's own.
        dbt_executable_path: the dbt to run, where it is not the one in this Python.
        invocation_mode: DBT_RUNNER: in a Python process beside this one; SUBPROCESS: as an executable; None finds out.
        install_deps: run ``dbt deps`` before, where the project names packages.
        callback: called after dbt, failed or not, with a folder whose ``target/`` holds dbt's artefacts, among them one
            ``run_results.json`` over all attempts of the run; one function, its import path, or several of them.
        callback_args: further arguments of the callback, by name; ``context`` comes with them.
    """

    template_fields: Sequence[str] = ("env", "select", "exclude", "vars", "full_refresh", "dbt_cmd_flags")
    ui_color = "#ffe6cc"

    def __init__(
        self,
        *,
        project_dir: str | Path,
        profile_config: ProfileConfig,
        group_id: str | None = None,
        select: Sequence[str] | str = (),
        exclude: Sequence[str] | str = (),
        vars: Mapping[str, Any] | None = None,  # noqa: A002  # dbt's own word, as users type it
        full_refresh: bool = False,
        fail_fast: bool = False,
        warn_error: bool = False,
        no_version_check: bool = False,
        quiet: bool = False,
        partial_parse: bool = True,
        indirect_selection: str | None = None,
        dbt_cmd_flags: Sequence[str] = (),
        dbt_cmd_global_flags: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        append_env: bool = True,
        dbt_executable_path: str | Path | None = None,
        invocation_mode: InvocationMode | None = None,
        install_deps: bool = True,
        callback: ArtefactCallback | str | Sequence[ArtefactCallback | str] = (),
        callback_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_dir = str(project_dir)
        self.profile_config = profile_config
        self.group_id = group_id
        self.select = [select] if isinstance(select, str) else list(select)
        self.exclude = [exclude] if isinstance(exclude, str) else list(exclude)
        self.vars = vars
        self.full_refresh = full_refresh
        self.fail_fast = fail_fast
        self.warn_error = warn_error
        self.no_version_check = no_version_check
        self.quiet = quiet
        self.partial_parse = partial_parse
        self.indirect_selection = indirect_selection
        self.dbt_cmd_flags = list(dbt_cmd_flags)
        self.dbt_cmd_global_flags = list(dbt_cmd_global_flags)
        self.env = dict(env) if env is not None else None
        self.append_env = append_env
        self.dbt_executable_path = str(dbt_executable_path) if dbt_executable_path is not None else None
        self.invocation_mode = invocation_mode
        self.install_deps = install_deps
        self.callback = callback
        self.callback_args = dict(callback_args or {})
        self._command: DbtCommand | None = None

    def run_key(self, context: Context) -> str:
        """The key of this DAG run's dbt run on the bus."""
        ti = context["ti"]
        return run_key(dag_id=ti.dag_id, group_id=self.group_id, run_id=ti.run_id)

    def run_dbt(
        self,
        context: Context,
        *,
        command: str,
        arguments: DbtArguments,
        attempt: NextAttempt,
        check_freshness: bool = False,
        decide_stale: DecideStale | None = None,
    ) -> CommandResult:
        """Runs the command to its reconciled end, then calls the callback.

        Raises:
            HeliographError: dbt could not be started, or the bus refused the first event for good.
        """
        from heliograph.bus.open import open_log
        from heliograph.producer.command import DbtCommand

        with ExitStack() as stack:
            profile = stack.enter_context(self.profile_config.ensure_profile())
            log = open_log(resolve_bus_url())
            stack.callback(log.close)
            artefacts = stack.enter_context(own_folder(Path(self.project_dir)))
            self._command = DbtCommand(
                args=tuple(arguments.command_line(command)),
                project_dir=Path(self.project_dir),
                profiles_dir=profile.path.parent,
                profile=self.profile_config.profile_name,
                target=self.profile_config.target_name,
                env=self._environment(profile.env_vars),
                run_key=self.run_key(context),
                attempt=attempt.number,
                only=attempt.only,
                fresh=attempt.fresh,
                answers=attempt.answers,
                started_by=f"{context['ti'].task_id}, try {context['ti'].try_number}",
                log=log,
                dbt_executable=self._executable(),
                install_deps=self.install_deps,
                heartbeat_s=settings.heartbeat_s(),
                lease_s=settings.lease_s(),
                drain_limit_s=settings.drain_limit_s(),
                on_output=self._log_line,
                target_dir=artefacts.target,
                check_freshness=check_freshness,
                decide_stale=decide_stale,
            )
            result = self._command.run()
            push_memory_peak(context, result.memory_peak)
            artefacts.merge(result.run_results, attempt.earlier)
            artefacts.call(self.callback, self.callback_args, context)
            return result

    def arguments(self) -> DbtArguments:
        """The dbt arguments as rendered for this task."""
        return DbtArguments(
            select=self.select,
            exclude=self.exclude,
            vars=self.vars,
            full_refresh=self.full_refresh,
            fail_fast=self.fail_fast,
            warn_error=self.warn_error,
            no_version_check=self.no_version_check,
            quiet=self.quiet,
            partial_parse=self.partial_parse,
            indirect_selection=self.indirect_selection,
            dbt_cmd_flags=self.dbt_cmd_flags,
            dbt_cmd_global_flags=self.dbt_cmd_global_flags,
        )

    def on_kill(self) -> None:
        """Stops dbt, so that it cancels its running queries, and publishes that the run was aborted."""
        if self._command is not None:
            self._command.stop("the Airflow task was killed")

    def _environment(self, profile_env: Mapping[str, str]) -> dict[str, str]:
        base = dict(os.environ) if self.append_env else {}
        # A task log shows colour codes as noise.
        return {"DBT_USE_COLORS": "false", **base, **(self.env or {}), **profile_env}

    def _executable(self) -> str | None:
        if self.dbt_executable_path is None and self.invocation_mode is InvocationMode.SUBPROCESS:
            # A worker is often started by its path, without its environment on the PATH.
            return shutil.which("dbt", path=str(Path(sys.executable).parent)) or "dbt"
        return self.dbt_executable_path

    def _log_line(self, line: str) -> None:
        self.log.info("%s", line)
