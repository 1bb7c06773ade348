"""What the installed Airflow can do, asked in one place."""

from __future__ import annotations

from airflow import __version__
from packaging.version import Version

_RELEASE = Version(__version__).release

# The scheduler defers a task itself and gives the trigger its DAG run (re-introduced in Airflow 3.3).
STARTS_FROM_TRIGGER = _RELEASE >= (3, 3)

# Before this release a task that fails from its trigger does not get its retries (Airflow issue 46224).
FAILS_FROM_TRIGGER = _RELEASE >= (3, 3, 1)
