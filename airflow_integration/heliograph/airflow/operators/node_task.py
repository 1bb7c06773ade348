"""What the task of a dbt node does on a worker besides running dbt: callbacks, asset events, rendered SQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import AirflowException, AirflowRescheduleException, AirflowSkipException

from heliograph.airflow.constants import RENDERED_SQL_LIMIT, ResumeOn
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.command import DbtCommandOperator
from heliograph.airflow.waiting_task import runs_in_process

if TYPE_CHECKING:
    from airflow.sdk import Context

    from heliograph.producer.command import CommandResult

WarningCallback = Callable[..., Any]
"""Takes Airflow's context, with ``test_names`` and ``test_results`` in it."""


class DbtNodeTask(DbtCommandOperator):
    """Base of the task of a dbt node.

    Args:
        on_warning_callback: called on a worker with Airflow's context, and in it ``test_names`` and ``test_results``,
            when dbt warned. An exception in it is logged and changes nothing.
        except_tests: unique ids of tests of the node that this task does not report, as they have tasks of their own.
        retry_queue: where the task is queued when it runs on a worker in a retry (see ``policies``).

    Attributes:
        compiled_sql: what dbt ran, once the task was on a worker after its node; output only, shown with the rendered
            fields.

    Raises:
        ConfigError: ``compiled_sql`` was passed.
    """

    template_fields: Sequence[str] = (*DbtCommandOperator.template_fields, "compiled_sql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"compiled_sql": "sql"}
    # Rendered fields are stored again when the task ends: only then the SQL is known.
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        on_warning_callback: WarningCallback | None = None,
        except_tests: Sequence[str] = (),
        retry_queue: str | None = None,
        **kwargs: Any,
    ) -> None:
        if "compiled_sql" in kwargs:
            raise ConfigError(
                "compiled_sql is filled in by the task when its node is done",
                setting=f"compiled_sql of task {kwargs.get('task_id')}",
                fix="leave it out of operator_args and meta",
            )
        super().__init__(**kwargs)
        self.on_warning_callback = on_warning_callback
        self.except_tests = tuple(except_tests)
        self.retry_queue = retry_queue
        self.compiled_sql: str | None = None

    @classmethod
    def get_serialized_fields(cls) -> frozenset[str]:
        """Airflow's own, and what the cluster policy looks at in the scheduler."""
        of_airflow: frozenset[str] = super().get_serialized_fields()  # type: ignore[no-untyped-call]  # Airflow's
        return of_airflow | {"retry_queue"}

    def trigger_extras(self) -> dict[str, Any]:
        """Arguments of the trigger that only some tasks need, plain JSON."""
        ends = {ResumeOn.WARNING: self.on_warning_callback is not None, ResumeOn.SUCCESS: bool(self.outlets)}
        resume_on = [end.value for end, wanted in ends.items() if wanted]
        extras = {"except_tests": list(self.except_tests), "resume_on": resume_on}
        return {name: value for name, value in extras.items() if value}

    def ended(self, context: Context, event: object) -> bool:
        """Ends the task where its node has ended well; False where there is still something to run.

        ``dag.test()`` hands the end itself on, which a triggerer would have put into effect.

        Raises:
            AirflowException: the node failed.
            AirflowSkipException: the node was skipped.
        """
        if isinstance(event, str):
            _raise_for_state(event)
            return True
        if not isinstance(event, Mapping) or event.get("ended") != "success":
            return False
        self.compiled_sql = event.get("compiled_sql")
        if event.get("warned"):
            self._warn(context, event["warned"])
        return True

    def ran(self, context: Context, mine: Collection[str], result: CommandResult) -> None:
        """What ``ended`` does, where this task ran dbt itself and what it reports, ``mine``, succeeded."""
        from heliograph.consumers.verdict import one_line

        entries = (result.run_results or {}).get("results", ())
        own = [entry for entry in entries if entry["unique_id"] in mine]
        if len(mine) == len(own) == 1:
            self.compiled_sql = (own[0].get("compiled_code") or "")[:RENDERED_SQL_LIMIT] or None
        warned = [
            (entry["unique_id"].split(".")[2], one_line(entry.get("message")))
            for entry in own
            if entry["status"] == "warn"
        ]
        if warned:
            self._warn(context, warned)

    def before_waiting(self, context: Context, *, after: Sequence[str]) -> None:
        """In ``dag.test()``, where tasks run one after the other: lets those that are waited for run first.

        Raises:
            AirflowRescheduleException: one of them has not ended; the task comes again.
        """
        if not runs_in_process():
            return
        from airflow.sdk import timezone

        from heliograph.airflow.surroundings import task_states

        ti = context["ti"]
        states = task_states(dag_id=ti.dag_id, run_id=ti.run_id, task_ids=list(after))
        if all(states.get(task_id) in _ENDED for task_id in after):
            return
        if "up_for_retry" in states.values():
            time.sleep(_RETRY_PAUSE_S)  # dag.test() itself does not pause between two looks
        raise AirflowRescheduleException(timezone.utcnow())

    def _warn(self, context: Context, warned: Sequence[Sequence[str]]) -> None:
        if self.on_warning_callback is None:
            return
        names = [name for name, _ in warned]
        # Airflow's context is a plain dictionary; the two names are what users of dbt operators know.
        told: Any = {**context, "test_names": names, "test_results": [result for _, result in warned]}
        try:
            self.on_warning_callback(told)
        except Exception:  # users' code, after the outcome is known: it must not change it
            self.log.exception("on_warning_callback failed; the task stays a success")


_RETRY_PAUSE_S = 1.0
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def _raise_for_state(state: str) -> None:
    if state == "skipped":
        raise AirflowSkipException("The node was skipped; the reason stands above.")
    if state != "success":
        raise AirflowException("The node failed; the reason stands above.")
