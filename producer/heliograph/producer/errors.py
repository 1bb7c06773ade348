"""What can be wrong before dbt starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from heliograph.bus.errors import HeliographError


class ProducerError(HeliographError):
    """The dbt command cannot be started as it was given."""


class NotADbtProject(ProducerError):
    """The folder holds no ``dbt_project.yml``."""

    def __init__(self, project_dir: Path) -> None:
        super().__init__(
            f"There is no dbt_project.yml in {project_dir}",
            setting="--project-dir (project_dir)",
            fix="name the folder that holds the dbt project",
        )


class NoDbt(ProducerError):
    """Neither dbt's Python package nor a dbt executable was found."""


class StaleDecisionFailed(ProducerError):
    """The user's own decision what to leave out for stale sources did not come about."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            problem,
            setting="decide_stale",
            fix="return the unique ids of the nodes to leave out, or leave decide_stale out for the default rule",
        )


class UnsupportedDbtCommand(ProducerError):
    """The dbt sub-command runs no nodes whose ends could be published."""

    def __init__(self, args: Iterable[str], supported: Iterable[str]) -> None:
        super().__init__(
            f"No dbt command that runs nodes in: dbt {' '.join(args)}",
            setting="the words after --",
            fix=f"use one of {', '.join(supported)}; run other dbt commands with dbt itself",
        )
