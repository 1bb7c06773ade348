from __future__ import annotations

from pathlib import Path

import pytest

from heliograph.bus.options import default_bus_url


def test_the_default_bus_is_in_the_users_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert default_bus_url() == f"sqlite:///{tmp_path}/heliograph/events.db"
