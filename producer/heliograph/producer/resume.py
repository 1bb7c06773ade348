"""Running exactly the nodes that are named by their unique ids.

dbt's ``result:`` selector (ResultSelectorMethod, dbt/graph/selector_methods.py, dbt 1.8 to 1.11) compares nodes of
every type with the unique ids in the ``run_results.json`` of the ``--state`` folder. So a file of our own names the
nodes: no name is ambiguous, no command line too long, and a thousand nodes take one look at the graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from heliograph.producer.dbt_args import SOURCE_FRESHNESS, DbtArgs, source_words
from heliograph.producer.dbt_options import SELECTING
from heliograph.producer.run_results import result_entry, run_results

ONLY: Final = "only.json"
"""The file, in the folder handed to ``dbt_process``, that lists the wanted unique ids."""

_STATUS: Final = "error"
_REPLACED: Final = SELECTING - {"--defer", "--no-defer"}
# In dbt's own order: what is deferred to is the --defer-state folder, else the --state one.
_DEFERRED_TO: Final = (
    ("--defer-state", ("DBT_ENGINE_DEFER_STATE", "DBT_DEFER_STATE")),
    ("--state", ("DBT_ENGINE_STATE", "DBT_STATE")),
)


def only_these(args: DbtArgs, unique_ids: Iterable[str], *, folder: Path, env: Mapping[str, str]) -> list[str]:
    """The words of the command that runs exactly these nodes, with all options but those that select.

    ``folder`` must last as long as the command: it gets the file that dbt reads. It takes the place of the user's
    state folder, to which the command goes on to defer.
    """
    if args.command == SOURCE_FRESHNESS:  # it takes no state folder, and sources have exact names
        return [*args.without(_REPLACED), "--select", *source_words(unique_ids)]
    entries = [result_entry(unique_id, status=_STATUS) for unique_id in unique_ids]
    (folder / "run_results.json").write_text(json.dumps(run_results(entries)), encoding="utf-8")
    words = [
        *args.without(_REPLACED),
        *("--select", f"result:{_STATUS}"),
        *("--indirect-selection", "empty"),
        *("--state", str(folder)),
    ]
    deferred_to = _deferred_to(args, env)
    return words if deferred_to is None else [*words, "--defer-state", deferred_to]


def _deferred_to(args: DbtArgs, env: Mapping[str, str]) -> str | None:
    for option, variables in _DEFERRED_TO:
        found = args.value(option) or next((env[name] for name in variables if env.get(name)), None)
        if found is not None:
            return found
    return None
