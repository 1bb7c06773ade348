"""dbt's command line, from the arguments that DAG authors give to operators."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class DbtArguments:
    """What ``operator_args`` may say about the dbt command itself.

    ``vars`` is dbt's ``--vars``; ``dbt_cmd_global_flags`` stand before the sub-command, ``dbt_cmd_flags`` after it.
    """

    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    vars: Mapping[str, Any] | None = None
    full_refresh: bool = False
    fail_fast: bool = False
    warn_error: bool = False
    no_version_check: bool = False
    quiet: bool = False
    partial_parse: bool = True
    indirect_selection: str | None = None
    dbt_cmd_flags: Sequence[str] = field(default=())
    dbt_cmd_global_flags: Sequence[str] = field(default=())

    def command_line(self, command: str) -> list[str]:
        """The words after ``dbt``, the project's and profile's own options aside."""
        words = [*self.dbt_cmd_global_flags]
        words += ["--fail-fast"] if self.fail_fast else []
        words += ["--warn-error"] if self.warn_error else []
        words += ["--no-version-check"] if self.no_version_check else []
        words += ["--quiet"] if self.quiet else []
        words += [] if self.partial_parse else ["--no-partial-parse"]
        words.append(command)
        words += ["--select", *self.select] if self.select else []
        words += ["--exclude", *self.exclude] if self.exclude else []
        words += ["--vars", json.dumps(self.vars)] if self.vars else []
        words += ["--full-refresh"] if self.full_refresh and command in ("build", "run", "seed") else []
        words += ["--indirect-selection", self.indirect_selection] if self.indirect_selection else []
        return [*words, *self.dbt_cmd_flags]
