import os
from pathlib import Path
from typing import Any


def model(dbt: Any, session: Any) -> Any:
    dbt.config(materialized="table")
    gate = os.environ.get("SHOP_GATE")
    if gate is not None:
        Path(gate).read_text()  # a named pipe: waits until a test has opened and closed its other end
    return session.sql("select 1 as one")
