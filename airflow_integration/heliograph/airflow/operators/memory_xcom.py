"""The debug mode's XCom: how much memory dbt took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heliograph.airflow import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from heliograph.bus.payloads import MemoryPeak

MEMORY_XCOM: Final = "heliograph_debug_max_memory_mb"
_MIB: Final = 2**20


def push_memory_peak(context: Context, peak: MemoryPeak | None) -> None:
    """Pushes the peak in MiB, where ``[heliograph] enable_debug_mode`` is on and memory was sampled."""
    if peak is not None and settings.enable_debug_mode():
        context["ti"].xcom_push(key=MEMORY_XCOM, value=round(peak.rss_bytes / _MIB, 1))
