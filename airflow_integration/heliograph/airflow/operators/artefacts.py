"""What dbt leaves behind after a command, and who is called with it."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ImportString, TypeAdapter

if TYPE_CHECKING:
    from airflow.sdk import Context

    from heliograph.bus.run_state import RunState

RUN_RESULTS: Final = "run_results.json"

ArtefactCallback = Callable[..., Any]
"""Takes a folder that holds ``target/``, then ``callback_args`` and Airflow's ``context`` by name."""

_IMPORTED: Final[TypeAdapter[ArtefactCallback]] = TypeAdapter(ImportString)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Artefacts:
    """One command's own folder: ``target/`` holds what dbt wrote. It exists while ``own_folder`` is open."""

    folder: Path
    project_dir: Path

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def merge(self, run_results: Mapping[str, Any] | None, earlier: RunState | None) -> None:
        """Makes ``run_results.json`` tell of the whole run: of earlier attempts as far as the log does.

        It also goes to the project's own target folder, where the newest of all runs stands, as dbt itself does it.
        """
        from heliograph.producer.run_results import merge_run_results
        from heliograph.producer.state_results import results_of_state

        known = [results_of_state(earlier)] if earlier is not None and earlier.attempts else []
        attempts = [*known, *([run_results] if run_results is not None else [])]
        if not attempts:
            return
        self.target.mkdir(parents=True, exist_ok=True)
        merged = self.target / RUN_RESULTS
        merged.write_text(json.dumps(merge_run_results(attempts)), encoding="utf-8")
        _put(merged, self.project_dir / "target" / RUN_RESULTS)

    def call(
        self,
        callback: ArtefactCallback | str | Sequence[ArtefactCallback | str],
        arguments: Mapping[str, Any],
        context: Context,
    ) -> None:
        """Calls each with the folder. What they raise is raised.

        Raises:
            ValidationError: a callback given by its path cannot be imported.
        """
        callbacks = [callback] if isinstance(callback, str) or callable(callback) else callback
        for one in callbacks:
            called: ArtefactCallback = _IMPORTED.validate_python(one)
            called(str(self.folder), **{**arguments, "context": context})


@contextmanager
def own_folder(project_dir: Path) -> Iterator[Artefacts]:
    """A folder for one command, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        yield Artefacts(folder=Path(folder), project_dir=project_dir)


def _put(source: Path, goal: Path) -> None:
    try:
        goal.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=goal.parent, prefix=f".{goal.name}.", delete=False) as copy:
            shutil.copyfile(source, copy.name)
        Path(copy.name).replace(goal)
    except OSError as error:
        _log.info("The project's own folder keeps no %s of this run: %s", goal.name, error)
