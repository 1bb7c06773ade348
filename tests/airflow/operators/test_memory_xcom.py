from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from heliograph.airflow.operators.memory_xcom import push_memory_peak
from heliograph.bus.payloads import MemoryPeak

PEAK = MemoryPeak(rss_bytes=300 * 2**20, running=("model.shop.orders",))


@dataclass
class TaskOfTry:
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.xcoms[key] = value


def pushed(peak: MemoryPeak | None) -> dict[str, Any]:
    ti = TaskOfTry()
    context: Any = {"ti": ti}
    push_memory_peak(context, peak)
    return ti.xcoms


def test_debug_mode_pushes_the_peak_in_mebibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__ENABLE_DEBUG_MODE", "True")

    assert pushed(PEAK) == {"heliograph_debug_max_memory_mb": 300.0}
    assert pushed(None) == {}


def test_without_debug_mode_nothing_is_pushed() -> None:
    assert pushed(PEAK) == {}
