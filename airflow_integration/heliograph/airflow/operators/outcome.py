"""A dbt command's result as the fate of the Airflow task that ran it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

if TYPE_CHECKING:
    from heliograph.producer.command import CommandResult


def raise_for_failure(result: CommandResult) -> None:
    """Turns a dbt command that did not end well into a failed task, with dbt's own words.

    Raises:
        AirflowException: dbt failed, or the bus did not take all events in time.
    """
    if result.exit_code != 0:
        raise AirflowException(result_text(result))
    raise_for_undelivered(result)


def raise_for_undelivered(result: CommandResult) -> None:
    """Fails the task where others may not have heard of dbt's results.

    Raises:
        AirflowException: the bus did not take all events in time.
    """
    if result.undelivered:
        raise AirflowException(
            f"{result_text(result)}, but {result.undelivered} events could not be delivered to the bus within "
            "[heliograph] drain_limit_s; the reason stands in the log above."
        )


def result_text(result: CommandResult) -> str:
    """How dbt ended, in one line."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(result.counts.items()))
    return (
        f"dbt ended with exit code {result.exit_code}"
        + (f" ({counts})" if counts else "")
        + (f": {result.message}" if result.message else "")
    )
