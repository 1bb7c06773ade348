from typing import Any

import pytest
from dbt.artifacts.schemas.run import RunResultsArtifact
from hypothesis import given
from hypothesis import strategies as st

from heliograph.producer.run_results import merge_run_results, result_entry, run_results

STATUSES = ["success", "pass", "warn", "no-op", "error", "fail", "skipped", "partial success", "runtime error"]
DONE = {"success", "pass", "warn", "no-op"}
IDS = st.sampled_from([f"model.shop.{letter}" for letter in "abcde"])
ATTEMPTS = st.lists(st.dictionaries(IDS, st.sampled_from(STATUSES)), min_size=1, max_size=5)


def attempt(statuses: dict[str, str], **more: Any) -> dict[str, Any]:
    return run_results((result_entry(unique_id, status=status) for unique_id, status in statuses.items()), **more)


def merged(*attempts: dict[str, str]) -> dict[str, str]:
    found = merge_run_results([attempt(statuses) for statuses in attempts])
    return {result["unique_id"]: result["status"] for result in found["results"]}


@given(ATTEMPTS)
def test_dbt_reads_what_is_merged(attempts: list[dict[str, str]]) -> None:
    content = merge_run_results([attempt(statuses, dbt_version="1.11.16") for statuses in attempts])
    RunResultsArtifact.validate(content)  # type: ignore[no-untyped-call]  # dbt leaves it without types
    artifact = RunResultsArtifact.from_dict(content)
    assert [str(result.status) for result in artifact.results] == [result["status"] for result in content["results"]]


@given(ATTEMPTS)
def test_every_node_stands_once_with_its_newest_result_or_the_success_that_a_skip_left_alone(
    attempts: list[dict[str, str]],
) -> None:
    found = merge_run_results([attempt(statuses) for statuses in attempts])["results"]
    assert len(found) == len({result["unique_id"] for result in found})
    assert {result["unique_id"] for result in found} == {uid for statuses in attempts for uid in statuses}
    for result in found:
        told = [statuses[result["unique_id"]] for statuses in attempts if result["unique_id"] in statuses]
        ran = [status for status in told if status != "skipped"]
        left_alone = told[-1] == "skipped" and bool(ran) and ran[-1] in DONE
        assert result["status"] == (ran[-1] if left_alone else told[-1])


@pytest.mark.parametrize(
    ("first", "second", "after"),
    [
        ("error", "success", "success"),
        ("skipped", "success", "success"),
        ("success", "skipped", "success"),
        ("warn", "skipped", "warn"),
        ("error", "skipped", "skipped"),
        ("success", "error", "error"),
    ],
)
def test_what_two_attempts_come_to(first: str, second: str, after: str) -> None:
    assert merged({"m": first}, {"m": second}) == {"m": after}


def test_nodes_keep_the_order_in_which_they_were_first_reported() -> None:
    assert list(merged({"b": "error", "a": "success"}, {"c": "success", "b": "success"})) == ["b", "a", "c"]


def test_metadata_is_the_newest_arguments_are_the_first_and_times_add_up() -> None:
    found = merge_run_results(
        [
            attempt({}, elapsed_s=1.5, args={"select": ["a"]}, invocation_id="i1"),
            attempt({}, elapsed_s=2.0, args={"select": ["result:error"]}, invocation_id="i2"),
        ]
    )
    assert found["metadata"]["invocation_id"] == "i2"
    assert found["args"] == {"select": ["a"]}
    assert found["elapsed_time"] == 3.5


def test_no_attempt_has_no_results() -> None:
    with pytest.raises(ValueError, match="at least one attempt"):
        merge_run_results([])
