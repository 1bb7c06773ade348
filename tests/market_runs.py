"""Real dbt commands on the fixture project ``market``, whose sources are of the ages that a test asks for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dbt_runs import Ran, Shop
from heliograph.bus.log import EventLog
from heliograph.producer.command import DbtCommand
from watched_log import WatchedLog

PROJECT = Path(__file__).parent / "producer" / "projects" / "market"
AGES_H = {"orders": 30, "customers": 15, "prices": 1, "rates": 1, "unused": 30, "countries": 1000}
"""One source is stale, one is to be warned of, and countries is never checked."""


@dataclass(kw_only=True)
class Market(Shop):
    """A copy of the project with a database of its own; ``stg_orders`` was built by an earlier run."""

    @classmethod
    def of_ages(cls, folder: Path, **ages_h: int | None) -> Market:
        """``ages_h``: the age in hours of a source's newest row, where it is another than usual; None: no table."""
        shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("target", "logs", ".user.yml"))
        market = cls(folder=folder)
        with duckdb.connect(str(market.database)) as database:
            database.execute("create schema raw")
            database.execute("create table main.stg_orders as select 1 as id")
            for name, age_h in {**AGES_H, **ages_h}.items():
                if age_h is not None:
                    database.execute(
                        f"create table raw.{name} as select 1 as id, now() - interval {age_h} hour as loaded_at"
                    )
        return market

    @property
    def database(self) -> Path:
        return self.folder / "market.duckdb"

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "MARKET_DATABASE": str(self.database)}

    def command(self, *args: str, log: EventLog, **options: Any) -> DbtCommand:
        return super().command(*args, log=log, **{"run_key": "cli/market", **options})

    def built(self) -> set[str]:
        """The tables and views that a run made, beside the one that was there."""
        with duckdb.connect(str(self.database)) as database:
            found = database.execute("select table_name from information_schema.tables where table_schema = 'main'")
            return {name for (name,) in found.fetchall()} - {"stg_orders"}


def run_market(market: Market, *args: str, **options: Any) -> Ran:
    """Runs one command to its end."""
    log = WatchedLog()
    result = market.command(*args, log=log, **options).run()
    return Ran(shop=market, result=result, events=log.events)
