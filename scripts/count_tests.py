# ruff: noqa: INP001  # a script beside shell scripts, not a package
"""Prints how many tests the given JUnit files tell of; fails where one failed or none ran."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter


def main(files: list[str]) -> int:
    counts: Counter[str] = Counter()
    for file in files:
        for suite in ET.parse(file).iter("testsuite"):  # noqa: S314  # our own files, written a moment ago
            counts.update({what: int(suite.get(what, "0")) for what in ("tests", "failures", "errors", "skipped")})
    bad = counts["failures"] + counts["errors"]
    passed = counts["tests"] - bad - counts["skipped"]
    print(f"tests: {counts['tests']} ({passed} passed, {bad} failed, {counts['skipped']} skipped)")  # noqa: T201  # its one job
    return 1 if bad or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
