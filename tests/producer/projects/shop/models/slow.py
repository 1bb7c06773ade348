import os
import time
from pathlib import Path


def model(dbt, session):
    dbt.config(materialized="table")
    gate = os.environ.get("SHOP_GATE")
    while gate is not None and not Path(gate).exists():
        time.sleep(0.05)
    return session.sql("select 1 as one")
