"""What tests, the demo and the benchmarks ask of an Airflow through its public REST API (v2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, Field

_PAGE: Final = 100
_COMPONENTS: Final = ("metadatabase", "scheduler", "dag_processor", "triggerer")
# Of a log record: what stands in every line's front, and what names the task that was asked for anyway.
_LOG_FIELDS: Final = frozenset(
    {"timestamp", "level", "event", "logger", "filename", "lineno"}
    | {"dag_id", "run_id", "task_id", "map_index", "try_number", "ti_id"}
)
_DAG_RUN_ENDED: Final = frozenset({"success", "failed"})


Parameter = str | int | bool


class AirflowRequestFailed(RuntimeError):
    """The API answered with an error; the message holds status and answer."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class DagRun(_Answer):
    """A DAG run. Dates are those Airflow recorded."""

    dag_id: str
    run_id: str = Field(alias="dag_run_id")
    state: str
    start_date: datetime | None = None
    end_date: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state in _DAG_RUN_ENDED

    @property
    def duration_s(self) -> float:
        """Seconds from the run's start to its end, or to now while it runs; 0 before it started."""
        if self.start_date is None:
            return 0.0
        return ((self.end_date or datetime.now(UTC)) - self.start_date).total_seconds()


class TaskInstance(_Answer):
    """One try of a task: the newest, or an older one from its history.

    ``hostname`` and ``pid`` are empty in a try that never reached a worker: Airflow writes them when a worker
    reports that it starts (execution API, ``ti_run``).
    """

    task_id: str
    map_index: int = -1
    state: str | None = None
    try_number: int = 0
    operator: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    hostname: str | None = None
    pid: int | None = None

    @property
    def ran_on_worker(self) -> bool:
        return bool(self.hostname) or self.pid is not None


class AirflowClient:
    """A logged-in user of one Airflow.

    Args:
        url: where the API server answers, without a path.
        user: login name.
        password: login password.
        timeout_s: seconds until a request is given up.
    """

    def __init__(self, url: str, *, user: str, password: str, timeout_s: float = 30) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # The API server is on this machine: no proxy of the environment has a say.
        self._session.trust_env = False

    def close(self) -> None:
        """Closes the connections. Idempotent."""
        self._session.close()

    def unhealthy_components(self) -> list[str]:
        """The components that do not report themselves healthy now; all of them while the API does not answer."""
        # The execution API builds its routes on its first request, which takes seconds: asked for here, so that it
        # happens while the other components load and not in the first task.
        if not self._health("execution/health"):
            return ["execution_api", *_COMPONENTS]
        health = self._health("api/v2/monitor/health")
        return [name for name in _COMPONENTS if health.get(name, {}).get("status") != "healthy"]

    def _health(self, path: str) -> dict[str, Any]:
        try:
            answer = self._session.get(f"{self._url}/{path}", timeout=self._timeout_s)
            return dict(answer.json()) if answer.ok else {}
        except requests.RequestException:
            return {}

    def request(self, method: str, path: str, *, json: object = None, **parameters: Parameter) -> Any:
        """The answer of ``/api/v2/<path>``, decoded.

        Raises:
            AirflowRequestFailed: the answer was an error.
        """
        answer = self._send(method, path, json, parameters)
        if answer.status_code == requests.codes.unauthorized:
            self._log_in()
            answer = self._send(method, path, json, parameters)
        if not answer.ok:
            raise AirflowRequestFailed(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, json: object, parameters: Mapping[str, Parameter]) -> requests.Response:
        url = f"{self._url}/api/v2/{path}"
        return self._session.request(method, url, json=json, params=parameters, timeout=self._timeout_s)

    def _log_in(self) -> None:
        answer = self._session.post(f"{self._url}/auth/token", json=self._login, timeout=self._timeout_s)
        if not answer.ok:
            raise AirflowRequestFailed(f"log in: {answer.status_code} {answer.text[:2000]}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def wait_for_dag(self, dag_id: str, *, timeout_s: float = 180) -> None:
        """Returns once the DAG processor has stored the DAG.

        Raises:
            AirflowRequestFailed: the DAG file has an import error, or the time limit passed.
        """
        deadline = time.monotonic() + timeout_s
        while not self._knows_dag(dag_id):
            errors = self.request("GET", "importErrors")["import_errors"]
            if errors:
                raise AirflowRequestFailed(f"{errors[0]['filename']}: {errors[0]['stack_trace']}")
            if time.monotonic() > deadline:
                raise AirflowRequestFailed(f"no DAG {dag_id!r} after {timeout_s:g} s")
            time.sleep(0.2)

    def _knows_dag(self, dag_id: str) -> bool:
        found = self.request("GET", "dags", dag_id_pattern=dag_id, limit=_PAGE)["dags"]
        return any(dag["dag_id"] == dag_id for dag in found)

    def task_ids(self, dag_id: str) -> list[str]:
        """The tasks of the DAG's newest version."""
        return [task["task_id"] for task in self.request("GET", f"dags/{quote(dag_id)}/tasks")["tasks"]]

    def make_pool(self, name: str, *, slots: int) -> None:
        """Makes the pool, or gives it this many slots."""
        known = {pool["name"] for pool in self.request("GET", "pools", limit=_PAGE)["pools"]}
        body = {"slots": slots, "include_deferred": False}
        if name in known:
            self.request("PATCH", f"pools/{quote(name)}", json={"pool": name, **body})
        else:
            self.request("POST", "pools", json={"name": name, **body})

    def trigger(self, dag_id: str, *, conf: dict[str, object] | None = None) -> DagRun:
        """Starts a DAG run now."""
        body = {"logical_date": None, "conf": conf or {}}
        return DagRun.model_validate(self.request("POST", f"dags/{quote(dag_id)}/dagRuns", json=body))

    def dag_run(self, dag_id: str, run_id: str) -> DagRun:
        """The DAG run as it is now."""
        return DagRun.model_validate(self.request("GET", _run_path(dag_id, run_id)))

    def wait_for_run(
        self,
        run: DagRun,
        *,
        timeout_s: float = 600,
        every_s: float = 0.5,
        progress: Callable[[DagRun], None] | None = None,
    ) -> DagRun:
        """The DAG run once it ended; ``progress`` is called with every look at it.

        Raises:
            TimeoutError: it did not end in ``timeout_s`` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            now = self.dag_run(run.dag_id, run.run_id)
            if progress is not None:
                progress(now)
            if now.ended:
                return now
            if time.monotonic() > deadline:
                raise TimeoutError(f"{run.dag_id} {run.run_id} is {now.state} after {timeout_s:g} s")
            time.sleep(every_s)

    def task_instances(self, run: DagRun) -> list[TaskInstance]:
        """The newest try of every task of the run."""
        rows = self._pages(f"{_run_path(run.dag_id, run.run_id)}/taskInstances", "task_instances")
        return [TaskInstance.model_validate(row) for row in rows]

    def tries(self, run: DagRun, task_id: str) -> list[TaskInstance]:
        """Every try of one task, the oldest first."""
        answer = self.request("GET", f"{_task_path(run, task_id)}/tries")
        found = [TaskInstance.model_validate(row) for row in answer["task_instances"]]
        return sorted(found, key=lambda one: one.try_number)

    def worker_starts(self, run: DagRun) -> list[str]:
        """The task id of every worker process that reported its start for this run, from Airflow's audit log."""
        rows = self._pages("eventLogs", "event_logs", dag_id=run.dag_id, run_id=run.run_id, event="running")
        return [row["task_id"] for row in rows]

    def clear(
        self, run: DagRun, task_ids: Sequence[str], *, only_failed: bool = False, downstream: bool = False
    ) -> None:
        """Clears the tasks of the run, so that they run again."""
        body = {
            "dry_run": False,
            "dag_run_id": run.run_id,
            "task_ids": list(task_ids),
            "only_failed": only_failed,
            "include_downstream": downstream,
            "reset_dag_runs": True,
        }
        self.request("POST", f"dags/{quote(run.dag_id)}/clearTaskInstances", json=body)

    def mark_run(self, run: DagRun, state: str) -> None:
        """Ends the DAG run by hand, as ``success`` or ``failed``."""
        self.request("PATCH", _run_path(run.dag_id, run.run_id), json={"state": state})

    def mark_task(self, run: DagRun, task_id: str, state: str) -> None:
        """Ends the task by hand, as ``success``, ``failed`` or ``skipped``."""
        self.request("PATCH", _task_path(run, task_id), json={"new_state": state})

    def task_log(self, run: DagRun, task_id: str, *, try_number: int = 1) -> str:
        """The log of one try, one line per record."""
        answer = self.request("GET", f"{_task_path(run, task_id)}/logs/{try_number}", full_content=True)
        return "\n".join(_log_line(record) for record in answer["content"])

    def xcom(self, run: DagRun, task_id: str, *, key: str = "return_value") -> Any:
        """The value of one XCom.

        Raises:
            AirflowRequestFailed: there is none.
        """
        return self.request("GET", f"{_task_path(run, task_id)}/xcomEntries/{quote(key)}", deserialize=True)["value"]

    def _pages(self, path: str, key: str, **parameters: Parameter) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            rows = self.request("GET", path, limit=_PAGE, offset=offset, **parameters)[key]
            yield from rows
            if len(rows) < _PAGE:
                return
            offset += len(rows)


def _run_path(dag_id: str, run_id: str) -> str:
    return f"dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task_path(run: DagRun, task_id: str) -> str:
    return f"{_run_path(run.dag_id, run.run_id)}/taskInstances/{quote(task_id, safe='')}"


def _log_line(record: object) -> str:
    if not isinstance(record, dict):
        return str(record)
    said = {key: value for key, value in record.items() if key not in _LOG_FIELDS}
    extra = " ".join(f"{key}={value}" for key, value in said.items())
    return f"{record.get('timestamp', '')} {record.get('level', '')} {record.get('event', '')} {extra}".strip()
