"""dbt's options, by what they do (dbt/cli/params.py, dbt 1.8 to 1.11).

Options that stand in neither of the first two tables take no value.
"""

from __future__ import annotations

from typing import Final

MANY_VALUES: Final = frozenset(
    [
        "-s",
        "--select",
        "-m",
        "--model",
        "--models",
        "--exclude",
        "--resource-type",
        "--resource-types",
        "--exclude-resource-type",
        "--exclude-resource-types",
    ]
)
"""Options that take every word up to the next option."""

ONE_VALUE: Final = frozenset(
    [
        "-t",
        "--target",
        "--profile",
        "--profiles-dir",
        "--project-dir",
        "--target-path",
        "--log-path",
        "--state",
        "--defer-state",
        "--selector",
        "--indirect-selection",
        "--vars",
        "--threads",
        "--log-level",
        "--log-level-file",
        "--log-format",
        "--log-format-file",
        "--log-file-max-bytes",
        "--warn-error-options",
        "--printer-width",
        "--event-time-start",
        "--event-time-end",
        "--sample",
        "--sqlparse",
        "--partial-parse-file-path",
        "--partial-parse-file-diff",
        "-r",
        "--record-timing-info",
        "-o",
        "--output",
    ]
)
"""Options that take one word."""

PROJECT: Final = frozenset(
    ["-t", "--target", "--profile", "--profiles-dir", "--project-dir", "--target-path", "--log-path", "--vars"]
)
"""Options that say which project dbt sees and how it connects."""

PARSING: Final = frozenset(
    [
        "--partial-parse",
        "--no-partial-parse",
        "--partial-parse-file-path",
        "--static-parser",
        "--no-static-parser",
        "--use-experimental-parser",
        "--no-use-experimental-parser",
        "--version-check",
        "--no-version-check",
        "--use-fast-test-edges",
        "--no-use-fast-test-edges",
        "--macro-debugging",
    ]
)
"""Options that change how the project is parsed."""

STATE: Final = frozenset(["--state", "--defer-state", "--defer", "--no-defer"])
"""Options that compare with or defer to another state."""

WARNING: Final = frozenset(["--warn-error", "--warn-error-options"])
"""Options that turn warnings into errors."""

CONSOLE: Final = frozenset(
    [
        "--log-format",
        "--log-level",
        "-q",
        "--quiet",
        "--no-quiet",
        "-d",
        "--debug",
        "--no-debug",
        "--print",
        "--no-print",
    ]
)
"""Options that say how dbt's log looks on the terminal."""

SELECTING: Final = STATE | frozenset(
    [
        "-s",
        "--select",
        "-m",
        "--model",
        "--models",
        "--exclude",
        "--selector",
        "--indirect-selection",
        "--resource-type",
        "--resource-types",
        "--exclude-resource-type",
        "--exclude-resource-types",
    ]
)
"""Options that say which nodes the command is about."""
