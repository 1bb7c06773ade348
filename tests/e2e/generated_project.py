"""dbt projects for the tests of retries and deaths: one flaky root with descendants, and many models side by side.

Every model notes in the table ``built`` that it was built, in its own transaction and with the run it was built for, so
that the warehouse itself tells what was built twice.
"""

from __future__ import annotations

from pathlib import Path

FLAKY = "flaky"
DESCENDANTS = tuple(f"below_{number:02}" for number in range(1, 21))
OTHERS = tuple(f"other_{number:02}" for number in range(1, 20))
WIDE = tuple(f"wide_{number:03}" for number in range(1, 101))

_LAYER = 5

_PROJECT = """\
name: {name}
version: "1.0"
profile: warehouse
flags:
  send_anonymous_usage_stats: false
models:
  {name}:
    +materialized: table
    +pre-hook: "select pg_sleep({{{{ var('sleep', 0) }}}})"
    +post-hook: "insert into {{{{ target.schema }}}}.built values ('{{{{ var('run', '') }}}}', '{{{{ this.name }}}}')"
on-run-start:
  - "create table if not exists {{{{ target.schema }}}}.built (run text, name text)"
  # Made outside the model's transaction, so that a failed try counts.
  - "create sequence if not exists {{{{ target.schema }}}}.tries_{{{{ local_md5(var('run', '')) }}}}"
on-run-end:
  - "select pg_sleep({{{{ var('sleep_at_end', 0) }}}})"
"""
_FLAKY = (
    "-- Fails the first time it runs: nextval is 1 then.\n"
    'select 1 / (nextval(\'{{ target.schema }}.tries_{{ local_md5(var("run", "")) }}\') - 1) as value\n'
)


def branching(folder: Path) -> None:
    """40 models: one that fails once in each run, 20 that come after it in four layers, 19 beside."""
    models = {FLAKY: _FLAKY} | dict.fromkeys(OTHERS, "select 1 as value\n")
    for index, name in enumerate(DESCENDANTS):
        parent = FLAKY if index < _LAYER else DESCENDANTS[index - _LAYER]
        models[name] = f"select * from {{{{ ref('{parent}') }}}}\n"
    _write(folder, "branching", models)


def wide(folder: Path) -> None:
    """100 models that depend on nothing."""
    _write(folder, "wide", dict.fromkeys(WIDE, "select 1 as value\n"))


def _write(folder: Path, name: str, models: dict[str, str]) -> None:
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(_PROJECT.format(name=name))
    for model, sql in models.items():
        (folder / "models" / f"{model}.sql").write_text(sql)
