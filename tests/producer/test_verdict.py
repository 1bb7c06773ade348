import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.bus.payloads import Outcome, SkipReason, TestOutcome
from heliograph.producer.verdict import verdict


@pytest.mark.parametrize(
    ("resource_type", "status", "outcome", "found"),
    [
        ("model", "success", Outcome.SUCCESS, None),
        ("test", "pass", Outcome.SUCCESS, TestOutcome.PASS),
        ("unit_test", "pass", Outcome.SUCCESS, TestOutcome.PASS),
        ("test", "warn", Outcome.WARN, TestOutcome.WARN),
        ("test", "fail", Outcome.FAIL, TestOutcome.FAIL),
        ("test", "error", Outcome.ERROR, TestOutcome.ERROR),
        ("test", "skipped", Outcome.SKIPPED, None),
        ("source", "runtime error", Outcome.ERROR, None),
        ("model", "partial success", Outcome.ERROR, None),
        ("model", "error", Outcome.ERROR, None),
        ("exposure", "no-op", Outcome.NO_OP, None),
        ("model", "None", Outcome.ERROR, None),
    ],
)
def test_reads_dbts_status_words(resource_type: str, status: str, outcome: Outcome, found: TestOutcome | None) -> None:
    read = verdict(status, resource_type=resource_type, message=None)
    assert (read.outcome, read.test_outcome) == (outcome, found)


@given(status=st.text())
def test_only_words_that_mean_success_are_a_success(status: str) -> None:
    read = verdict(status, resource_type="model", message=None)
    assert read.outcome is not Outcome.SUCCESS or status.strip().lower() in {"success", "pass", "passed"}


def test_a_skip_has_a_reason_and_nothing_else_has_one() -> None:
    assert verdict("skipped", resource_type="model", message=None).skip_reason is SkipReason.UPSTREAM_FAILED
    fail_fast = verdict("skipped", resource_type="model", message="Skipping due to fail_fast")
    assert fail_fast.skip_reason is SkipReason.FAIL_FAST
    assert verdict("error", resource_type="model", message="fail_fast").skip_reason is None
