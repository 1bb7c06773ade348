from __future__ import annotations

import pytest

from heliograph.airflow import settings
from heliograph.airflow.constants import StartOrder
from heliograph.bus.errors import HeliographError


def test_without_settings_the_bus_is_a_file_in_airflows_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__HELIOGRAPH__BUS_URL", raising=False)

    url = settings.bus_url()

    assert url.startswith("sqlite:////")
    assert url.endswith("/heliograph/events.db")


def test_the_environment_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__BUS_URL", "amqp://broker/")
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__START_ORDER", "all_at_once")

    assert settings.bus_url() == "amqp://broker/"
    assert settings.start_order() is StartOrder.ALL_AT_ONCE


@pytest.mark.parametrize(
    ("option", "value"), [("lease_s", "soon"), ("heartbeat_s", "0"), ("drain_limit_s", "-1"), ("start_order", "random")]
)
def test_a_bad_value_names_the_option_and_the_fix(monkeypatch: pytest.MonkeyPatch, option: str, value: str) -> None:
    monkeypatch.setenv(f"AIRFLOW__HELIOGRAPH__{option.upper()}", value)

    with pytest.raises(HeliographError) as caught:
        getattr(settings, option)()

    assert f"[heliograph] {option}" in str(caught.value)
    assert repr(value) in str(caught.value)
    assert "Fix:" in str(caught.value)
