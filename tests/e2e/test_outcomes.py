"""The outcome table on real dbt, real warehouses, real Airflow and real buses.

Each bus runs it on one warehouse. ``HELIOGRAPH_FULL_MATRIX=1`` runs it on all four pairs.
"""

from __future__ import annotations

from functools import cache

import pytest

from e2e.deployment import MATRIX_PAIRS, Deployment
from e2e.expected import NOT_GREEN, OUTCOME_OF, PRODUCER, expected_producer_state, expected_states
from e2e.matrix import Case, Matrix
from heliograph.bus.run_state import Phase

pytestmark = pytest.mark.long

# By case: the exit code dbt ends with.
EXIT_CODES = {
    "every_outcome": 1,
    "every_outcome_at_once": 1,
    "only_others_fail": 1,
    "fail_fast": 1,
    "hook_at_start_skips": 1,
    "nothing_rendered": 0,
    "nothing_selected": 0,
    "does_not_compile": 2,
    "missing_package": 2,
}
AT_ONCE = "every_outcome_at_once"
STATUSES = frozenset({"success", "error", "partial success", "skipped", "pass", "warn", "fail", "no-op"})

on_each_pair = pytest.mark.parametrize(("deployment", "warehouse"), MATRIX_PAIRS, indirect=True, scope="session")
in_each_case = pytest.mark.parametrize("name", EXIT_CODES)


@pytest.fixture(scope="session")
def warehouse(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def matrix(deployment: Deployment, warehouse: str) -> Matrix:
    return Matrix(deployment, warehouse, list(EXIT_CODES))


@cache
def ended(matrix: Matrix, name: str) -> Case:
    return matrix.ended(name)


@on_each_pair
@in_each_case
def test_every_task_ends_as_dbts_own_result_says(matrix: Matrix, name: str) -> None:
    case = ended(matrix, name)
    expected = expected_states(case.results, case.rendered, in_dependency_order=name != AT_ONCE)
    assert case.states == expected
    producer = expected_producer_state(case.results, case.rendered, exit_code=EXIT_CODES[name])
    assert case.producer.state == producer
    assert case.run.state == ("success" if {producer, *expected.values()} == {"success"} else "failed")


@on_each_pair
@in_each_case
def test_the_log_holds_what_dbts_own_result_says(matrix: Matrix, name: str) -> None:
    case = ended(matrix, name)
    (attempt,) = case.fold.attempts.values()
    assert attempt.phase is Phase.FINISHED
    assert attempt.complete
    assert attempt.finished is not None
    assert attempt.finished.data.exit_code == EXIT_CODES[name]
    told = {unique_id: event.data.outcome for unique_id, event in attempt.nodes_finished.items()}
    assert {uid: told.get(uid) for uid in case.results} == {uid: OUTCOME_OF[word] for uid, word in case.results.items()}
    assert {told[unique_id] for unique_id in told.keys() - case.results.keys()} <= NOT_GREEN
    assert attempt.plan.keys() <= told.keys()


@on_each_pair
@in_each_case
def test_only_the_producer_takes_a_worker(matrix: Matrix, name: str) -> None:
    case = ended(matrix, name)
    assert case.deployment.airflow.client.worker_starts(case.run) == [PRODUCER]
    assert [task_id for task_id, task in case.tasks.items() if task.ran_on_worker] == []


@on_each_pair
def test_one_build_holds_every_word_that_dbt_has_for_a_node(matrix: Matrix) -> None:
    assert set(ended(matrix, "every_outcome").results.values()) == STATUSES
    assert "model.outcomes.not_rendered" not in ended(matrix, "every_outcome").results


@on_each_pair
def test_what_has_no_task_fails_the_dag_run_all_the_same(matrix: Matrix) -> None:
    case = ended(matrix, "only_others_fail")
    assert set(case.states.values()) == {"success"}
    assert {uid.split(".")[0] for uid, status in case.results.items() if status in ("error", "fail")} == {
        "operation",
        "test",
    }
    assert case.run.state == "failed"


@on_each_pair
def test_a_cascade_names_its_root(matrix: Matrix) -> None:
    case = ended(matrix, AT_ONCE)
    assert "upstream model.outcomes.broken failed" in case.reason("model.outcomes.far_after_broken")
    assert "unit_test.outcomes.unit_test_fails.does_not_double" in case.reason("model.outcomes.unit_test_fails")
    assert "test.outcomes.finds_failing_test_2" in case.reason("model.outcomes.after_failing_test")
    assert "Exception on worker thread" in case.reason("model.outcomes.thread_breaks")


@on_each_pair
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("does_not_compile", "a_model_nobody_wrote"),
        ("missing_package", "a_package_nobody_wrote"),
        ("nothing_selected", "did not select it"),
        ("hook_at_start_skips", "on-run-start"),
    ],
)
def test_a_root_knows_why_nothing_ran(matrix: Matrix, name: str, words: str) -> None:
    assert words in ended(matrix, name).reason("seed.outcomes.raw_orders")
