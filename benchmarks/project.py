"""Generates a dbt project of models that only sleep in PostgreSQL, in layers that depend on each other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_PROJECT: Final = """\
name: bench
version: "1.0.0"
config-version: 2
profile: bench
model-paths: ["models"]
models:
  +materialized: table
flags:
  send_anonymous_usage_stats: false
"""

_PROFILE: Final = """\
bench:
  target: dev
  outputs:
    dev:
      type: postgres
      host: "{host}"
      port: {port}
      user: "{user}"
      password: "{password}"
      dbname: "{database}"
      schema: bench
      threads: {threads}
"""


@dataclass(frozen=True, kw_only=True)
class ProjectShape:
    """What to generate.

    Attributes:
        models: how many models, spread evenly over the layers.
        layers: how many layers; a model of any but the first depends on one to three of the layer before.
        sleep_s: seconds each model sleeps in the warehouse.
        threads: dbt's threads.
    """

    models: int = 100
    layers: int = 5
    sleep_s: float = 0.5
    threads: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= self.models:
            raise ValueError(f"LAYERS must be between 1 and MODELS ({self.models}), not {self.layers}")
        if self.threads < 1 or self.sleep_s < 0:
            raise ValueError("THREADS must be at least 1 and SLEEP at least 0")


def generate(folder: Path, shape: ProjectShape, *, warehouse_url: str) -> None:
    """Writes the project and its profiles.yml. The same shape always gives the same project."""
    models = folder / "models"
    models.mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(_PROJECT)
    (folder / "profiles.yml").write_text(_profile(warehouse_url, shape.threads))
    choice = random.Random(0)
    before: list[str] = []
    for layer in range(shape.layers):
        names = [f"layer_{layer}_model_{number:04}" for number in range(layer, shape.models, shape.layers)]
        for name in names:
            parents = choice.sample(before, min(len(before), choice.randint(1, 3)))
            (models / f"{name}.sql").write_text(_model(shape.sleep_s, parents))
        before = names


def _model(sleep_s: float, parents: list[str]) -> str:
    filters = [f"exists (select 1 from {{{{ ref('{parent}') }}}})" for parent in parents]
    where = "\nwhere " + "\n  and ".join(filters) if filters else ""
    return f"select 1 as id from pg_sleep({sleep_s}){where}\n"


def _profile(url: str, threads: int) -> str:
    parts = urlsplit(url)
    return _PROFILE.format(
        host=parts.hostname,
        port=parts.port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
        threads=threads,
    )
