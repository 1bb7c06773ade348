"""The part of a selection that a command is to run. Imports the standard library only."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from heliograph.producer.dbt_args import SOURCE_FRESHNESS, DbtArgs
from heliograph.producer.resume import only_these
from heliograph.producer.sources.port import SelectedNode


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What of ``args`` is to run.

    ``nodes``: the wanted ones, and the sources to check before; ``folder``: for ``only_these``, None where the wanted
    ones are the whole selection.
    """

    args: DbtArgs
    nodes: Sequence[SelectedNode]
    folder: Path | None
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def sources(self) -> list[str]:
        """The sources to check before the command; none where it checks them itself."""
        return [node.unique_id for node in self.nodes if node.checked and self.args.command != SOURCE_FRESHNESS]

    def without(self, left_out: Collection[str], *, folder: Path) -> Part:
        """What is left of the part."""
        if not left_out:
            return self
        return replace(self, nodes=[node for node in self.nodes if node.unique_id not in left_out], folder=folder)

    def words(self, whole: Sequence[str]) -> list[str] | None:
        """The command line, ``whole`` where all is to run; None where nothing is left to run."""
        if self.folder is None:
            return list(whole)
        before = set(self.sources)
        wanted = [node.unique_id for node in self.nodes if node.unique_id not in before]
        return only_these(self.args, wanted, folder=self.folder, env=self.env) if wanted else None
