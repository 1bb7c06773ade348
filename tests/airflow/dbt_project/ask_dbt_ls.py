"""Prints what ``dbt ls`` selects for each set of arguments; a process of its own, so that dbt parses once.

Reads a JSON list of lists of arguments, writes a JSON list of lists of unique ids.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        manifest = dbtRunner().invoke(["--quiet", "parse", "--profiles-dir", "."]).result
        assert isinstance(manifest, Manifest)
        runner = dbtRunner(manifest=manifest)
        answers = []
        for arguments in json.load(sys.stdin):
            listing = ["--quiet", "ls", "--profiles-dir", ".", "--output", "json", "--output-keys", "unique_id"]
            answer = runner.invoke([*listing, *arguments])
            if answer.exception is not None:
                raise answer.exception
            lines = answer.result if isinstance(answer.result, list) else []
            answers.append([json.loads(line)["unique_id"] for line in lines])
    print(json.dumps(answers))


if __name__ == "__main__":
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    main()
