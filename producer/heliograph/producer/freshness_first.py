"""The freshness check inside dbt's process: what the producer asked for, and its decision what to leave out.

Imports no dbt and nothing heavy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CHECK_FIRST = "--check-freshness"
"""The option of ``dbt_process``; behind it a descriptor to read the decision from, and a folder for ``only_these``."""


class Decision:
    """The producer's decision, which comes through a pipe of its own once it has the check's results."""

    def __init__(self, descriptor: int, *, folder: Path) -> None:
        self._pipe = os.fdopen(descriptor, "rb")
        self.folder = folder

    def wait(self) -> frozenset[str]:
        """The unique ids of the nodes to leave out.

        Raises:
            KeyboardInterrupt: the producer went away instead.
        """
        line = self._pipe.readline()
        if not line.endswith(b"\n"):
            raise KeyboardInterrupt
        return frozenset(json.loads(line))


def written_decision(unique_ids: Iterable[str]) -> bytes:
    """The decision as ``Decision.wait`` reads it."""
    return json.dumps(list(unique_ids)).encode() + b"\n"


def sources_entry(result: Any) -> dict[str, Any]:
    """What ``sources.json`` has of a source beside the fields of every result."""
    if not hasattr(result, "max_loaded_at"):
        return {}  # the age could not be found out
    criteria = result.node.freshness
    return {
        "max_loaded_at": result.max_loaded_at.isoformat(),
        "snapshotted_at": result.snapshotted_at.isoformat(),
        "max_loaded_at_time_ago_in_s": result.age,
        "criteria": criteria.to_dict() if criteria is not None else None,
    }
