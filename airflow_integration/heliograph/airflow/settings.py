"""The ``[heliograph]`` section of Airflow's configuration, read when asked for, never at import.

Each option also has its environment variable, e.g. ``AIRFLOW__HELIOGRAPH__BUS_URL``.
"""

from __future__ import annotations

from pathlib import Path

from heliograph.airflow.constants import StartOrder
from heliograph.airflow.errors import SettingError

SECTION = "heliograph"

_YES = frozenset({"true", "t", "yes", "y", "on", "1"})
_NO = frozenset({"false", "f", "no", "n", "off", "0"})


def _get(option: str) -> str | None:
    from airflow.configuration import conf  # heavy: only when a setting is read

    value = conf.get(SECTION, option, fallback=None)
    return value or None


def _get_seconds(option: str, default: float) -> float:
    value = _get(option)
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if seconds <= 0:
        raise SettingError(
            f"{value!r} is not a number of seconds above 0",
            setting=f"[{SECTION}] {option}",
            fix=f"write a number, e.g. {default:g}",
        )
    return seconds


def bus_conn_id() -> str | None:
    """The Airflow Connection that holds the bus address, if one is named."""
    return _get("bus_conn_id")


def bus_url() -> str:
    """The bus address where no Connection is named: the setting, or the embedded SQLite log in Airflow's home."""
    url = _get("bus_url")
    if url is not None:
        return url
    from airflow.configuration import AIRFLOW_HOME

    return f"sqlite:///{Path(AIRFLOW_HOME).absolute() / 'heliograph' / 'events.db'}"


def _get_flag(option: str) -> bool:
    value = _get(option)
    if value is None:
        return False
    word = value.strip().lower()
    if word not in _YES | _NO:
        raise SettingError(
            f"{value!r} is neither true nor false", setting=f"[{SECTION}] {option}", fix="write True or False"
        )
    return word in _YES


def producer_queue() -> str | None:
    """The Airflow queue of the tasks that run dbt, where a DAG does not say it itself."""
    return _get("producer_queue")


def consumer_queue() -> str | None:
    """The Airflow queue of the tasks of nodes, where a DAG does not say it itself."""
    return _get("consumer_queue")


def retry_queue() -> str | None:
    """The Airflow queue of the tasks of nodes when they run dbt themselves, where a DAG does not say it itself."""
    return _get("retry_queue")


def emit_datasets() -> bool:
    """Whether the tasks of nodes emit assets, for DAGs that do not say it themselves."""
    return _get_flag("emit_datasets")


def enable_debug_mode() -> bool:
    """Whether producers push the XCom of their memory peak."""
    return _get_flag("enable_debug_mode")


def heartbeat_s() -> float:
    """Seconds between two signs of life of a producer."""
    return _get_seconds("heartbeat_s", 5.0)


def lease_s() -> float:
    """Seconds of silence after which a producer is taken for dead."""
    return _get_seconds("lease_s", 25.0)


def drain_limit_s() -> float:
    """Seconds a producer waits at its end for the bus to take the last events."""
    return _get_seconds("drain_limit_s", 60.0)


def start_order() -> StartOrder:
    """When sensors start, for DAGs that do not say it themselves."""
    value = _get("start_order") or StartOrder.DEPENDENCY.value
    try:
        return StartOrder(value)
    except ValueError:
        raise SettingError(
            f"{value!r} is not a start order",
            setting=f"[{SECTION}] start_order",
            fix="write one of " + ", ".join(order.value for order in StartOrder),
        ) from None
