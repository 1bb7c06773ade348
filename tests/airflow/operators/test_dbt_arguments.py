from __future__ import annotations

import json

import pytest

from heliograph.airflow.operators.dbt_arguments import DbtArguments


def test_nothing_given_is_the_bare_command() -> None:
    assert DbtArguments().command_line("build") == ["build"]


def test_global_flags_stand_before_the_command_and_others_behind_it() -> None:
    arguments = DbtArguments(
        select=["tag:nightly", "+orders"],
        exclude=["path:models/old"],
        vars={"day": "2026-01-01", "limit": 5},
        full_refresh=True,
        fail_fast=True,
        warn_error=True,
        no_version_check=True,
        quiet=True,
        partial_parse=False,
        indirect_selection="cautious",
        dbt_cmd_flags=["--threads", "8"],
        dbt_cmd_global_flags=["--no-use-colors"],
    )

    line = arguments.command_line("build")
    command = line.index("build")

    assert set(line[:command]) == {
        "--no-use-colors", "--fail-fast", "--warn-error", "--no-version-check", "--quiet", "--no-partial-parse"
    }  # fmt: skip
    behind = line[command + 1 :]
    assert behind[: behind.index("--vars")] == ["--select", "tag:nightly", "+orders", "--exclude", "path:models/old"]
    assert json.loads(behind[behind.index("--vars") + 1]) == {"day": "2026-01-01", "limit": 5}
    assert behind[-5:] == ["--full-refresh", "--indirect-selection", "cautious", "--threads", "8"]


@pytest.mark.parametrize("command", ["test", "snapshot"])
def test_full_refresh_is_left_out_where_dbt_does_not_know_it(command: str) -> None:
    assert "--full-refresh" not in DbtArguments(full_refresh=True).command_line(command)
