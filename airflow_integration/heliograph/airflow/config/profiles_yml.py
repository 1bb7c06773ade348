"""Looks up a profile and target in a ``profiles.yml``, so that a wrong name shows when the DAG file is parsed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from heliograph.airflow.errors import ConfigError, ProfileError

_JINJA = ("{{", "{%")


def require_target(path: Path, *, profile: str, target: str) -> None:
    """Raises unless ``path`` is a ``profiles.yml`` with that target, as far as can be told without running Jinja.

    Raises:
        ConfigError: the file is missing.
        ProfileError: the file is not YAML, or holds no such profile or target.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise ConfigError(
            f"There is no profiles.yml at {path}",
            setting="ProfileConfig.profiles_yml_filepath",
            fix="give the path of an existing profiles.yml",
        ) from error
    if any(mark in name for mark in _JINJA for name in (profile, target)):
        return
    profiles = _read(path, stat.st_mtime_ns, stat.st_size)
    if profiles is None:
        return
    _require_name(profile, among=profiles, what="profile", field="profile_name", path=path)
    outputs = profiles[profile].get("outputs") if isinstance(profiles[profile], dict) else None
    if isinstance(outputs, dict):
        _require_name(target, among=outputs, what="target", field="target_name", path=path, within=profile)


@lru_cache(maxsize=16)
def _read(path: Path, mtime_ns: int, size: int) -> dict[str, Any] | None:  # noqa: ARG001 (part of the cache's key)
    """The profiles of the file; None where Jinja outside of quotes makes it something only dbt can judge."""
    text = path.read_text(encoding="utf-8")
    try:
        loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        if any(mark in text for mark in _JINJA):
            return None
        raise ProfileError(
            f"{path} is not YAML: {' '.join(str(error).split())}",
            setting="ProfileConfig.profiles_yml_filepath",
            fix="correct the file",
        ) from error
    return loaded if isinstance(loaded, dict) else {}


def _require_name(
    name: str, *, among: dict[str, Any], what: str, field: str, path: Path, within: str | None = None
) -> None:
    if name in among or any(isinstance(key, str) and any(mark in key for mark in _JINJA) for key in among):
        return
    known = ", ".join(str(key) for key in among if key != "config") or "none"
    place = f"profile {within!r} of {path}" if within else str(path)
    raise ProfileError(
        f"There is no {what} {name!r} in {place}; it holds: {known}",
        setting=f"ProfileConfig.{field}",
        fix=f"name one of these, or add the {what} to the file",
    )
