"""Whoever dies, the tasks end as dbt's nodes did, and a retry completes the run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psutil
import pytest

from e2e.deployment import Deployment
from e2e.generated_project import DESCENDANTS, FLAKY, OTHERS, WIDE
from e2e.observing import PRODUCER, events_of, folded, poll, times_built
from heliograph.bus.events import RunLost
from heliograph.bus.run_state import AttemptState, RunState
from local_servers.airflow_client import DagRun

pytestmark = [pytest.mark.long, pytest.mark.timeout(420)]

on_rabbitmq = pytest.mark.parametrize("deployment", ["rabbitmq"], indirect=True, scope="session")

MODELS = (FLAKY, *DESCENDANTS, *OTHERS)
NOTICED_WITHIN_S = 31.0  # the default lease and the events' last sign of life, and a second for the clocks


def begin(deployment: Deployment, dag_id: str) -> DagRun:
    deployment.airflow.client.wait_for_dag(dag_id)
    return deployment.airflow.client.trigger(dag_id)


def before_the_plan(state: RunState) -> bool:
    return 1 in state.attempts and state.attempts[1].started is not None


def in_the_middle(state: RunState) -> bool:
    return 1 in state.attempts and len(state.attempts[1].nodes_finished) >= 8


def after_the_last_node(state: RunState) -> bool:
    return 1 in state.attempts and len(state.attempts[1].nodes_finished) == len(MODELS)


def producer_pid(state: RunState) -> int:
    started = state.attempts[1].started
    assert started is not None
    assert started.data.producer_pid is not None
    return started.data.producer_pid


def kill_producer_when(deployment: Deployment, run: DagRun, moment: Callable[[RunState], bool]) -> RunState:
    """SIGKILL to the process that runs the producer's task; the state just before."""
    states: list[RunState] = []

    def reached() -> bool:
        states.append(folded(deployment, run))
        return moment(states[-1])

    poll(reached, timeout_s=120)
    os.kill(producer_pid(states[-1]), signal.SIGKILL)
    return states[-1]


@on_rabbitmq
@pytest.mark.parametrize(
    ("dag_id", "moment"),
    [
        ("killed", before_the_plan),
        ("killed", in_the_middle),
        ("killed_at_end", after_the_last_node),
    ],
)
def test_a_killed_producer_is_noticed_and_its_retry_completes_the_run(
    deployment: Deployment, dag_id: str, moment: Callable[[RunState], bool]
) -> None:
    run = begin(deployment, dag_id)
    kill_producer_when(deployment, run, moment)
    killed_at = datetime.now(UTC)
    run = deployment.airflow.client.wait_for_run(run, timeout_s=300)

    state = folded(deployment, run)
    losses = [event.time for event in events_of(deployment, state.run) if isinstance(event, RunLost)]
    noticed_s = (min(losses) - killed_at).total_seconds()
    print(f"killed {moment.__name__}: noticed after {noticed_s:.1f} s, attempts {sorted(state.attempts)}")
    assert noticed_s < NOTICED_WITHIN_S
    assert run.state == "success"
    assert {task.state for task in deployment.airflow.client.task_instances(run)} == {"success"}
    built = times_built(deployment, run)
    in_flight = unreported(state.attempts[1])
    print(f"built again: {sorted(name for name, times in built.items() if times > 1)} of {sorted(in_flight)}")
    assert built.keys() == set(MODELS)
    # dbt may have built a node whose end the killed process had no time to tell: of these no one can know.
    assert {name for name, times in built.items() if times > 1} <= in_flight
    assert not (state.attempts[1].nodes_finished.keys() - failed(state.attempts[1])) & ran_later(state)


def unreported(attempt: AttemptState) -> set[str]:
    """The models that had begun, or may have, and whose end was not told."""
    return {name for name in MODELS if f"model.branching.{name}" not in attempt.nodes_finished}


def failed(attempt: AttemptState) -> set[str]:
    return {uid for uid, event in attempt.nodes_finished.items() if event.data.outcome != "success"}


def ran_later(state: RunState) -> set[str]:
    return {uid for number, attempt in state.attempts.items() if number > 1 for uid in attempt.nodes_started}


@on_rabbitmq
def test_without_retries_a_killed_producer_leaves_the_true_state(deployment: Deployment) -> None:
    run = begin(deployment, "nobody_retries")
    kill_producer_when(deployment, run, in_the_middle)
    run = deployment.airflow.client.wait_for_run(run, timeout_s=300)

    tasks = {task.task_id: task.state for task in deployment.airflow.client.task_instances(run)}
    state = folded(deployment, run)
    green = {task_id for task_id, task_state in tasks.items() if task_state == "success"}
    told = {
        f"{uid.rsplit('.', 1)[-1]}_run"
        for uid, event in state.attempts[1].nodes_finished.items()
        if event.data.outcome == "success"
    }
    assert run.state == "failed"
    assert green == told
    assert {tasks[task_id] for task_id in tasks.keys() - green} <= {"failed", "upstream_failed"}


@on_rabbitmq
def test_a_lost_worker_is_noticed_although_airflow_believes_it_runs(deployment: Deployment) -> None:
    run = begin(deployment, "nobody_retries")
    states: list[RunState] = []

    def reached() -> bool:
        states.append(folded(deployment, run))
        return in_the_middle(states[-1])

    poll(reached, timeout_s=120)
    task = psutil.Process(producer_pid(states[-1]))
    supervisor = task.parent()
    assert supervisor is not None
    # A machine that goes takes all with it, Airflow's own supervisor of the task first.
    doomed = [supervisor, task, *task.children(recursive=True)]
    for process in doomed:
        process.suspend()
    for process in doomed:
        process.kill()
    killed_at = time.monotonic()
    tasks = deployment.airflow.client

    def noticed() -> bool:
        return any(one.state == "failed" and one.task_id != PRODUCER for one in tasks.task_instances(run))

    poll(noticed, timeout_s=60)
    print(f"worker lost: first node task failed after {time.monotonic() - killed_at:.1f} s")
    run = tasks.wait_for_run(run, timeout_s=300)
    assert run.state == "failed"
    green = {one.task_id for one in tasks.task_instances(run) if one.state == "success"}
    told = folded(deployment, run).attempts[1].nodes_finished
    assert green == {f"{uid.rsplit('.', 1)[-1]}_run" for uid, event in told.items() if event.data.outcome == "success"}


@on_rabbitmq
def test_a_killed_triggerer_loses_no_waiting_task(deployment: Deployment) -> None:
    client = deployment.airflow.client
    run = begin(deployment, "waits_wide")

    def some_done() -> bool:
        return sum(one.state == "success" for one in client.task_instances(run)) >= 10

    poll(some_done, timeout_s=120)
    waiting = sum(one.state == "deferred" for one in client.task_instances(run))
    triggerer = deployment.airflow.processes["triggerer"]
    triggerer.kill()
    triggerer.start()
    run = client.wait_for_run(run, timeout_s=300)

    print(f"triggerer killed with {waiting} waiting tasks")
    assert waiting >= 80
    assert run.state == "success"
    tasks = client.task_instances(run)
    assert {one.task_id: one.state for one in tasks} == dict.fromkeys(
        (PRODUCER, *(f"{name}_run" for name in WIDE)), "success"
    )
    assert client.worker_starts(run) == [PRODUCER]
    assert times_built(deployment, run) == dict.fromkeys(WIDE, 1)
