"""Errors of the Airflow integration; each names the field of the DAG file it is about and the fix."""

from __future__ import annotations

from heliograph.bus.errors import HeliographError


class ConfigError(HeliographError):
    """A field of a config class is missing, contradicts another or points to nothing."""


class ProfileError(HeliographError):
    """The dbt profile cannot be used: no such target, or the Connection lacks a field dbt needs."""


class ManifestError(HeliographError):
    """The manifest is missing, empty, not JSON or not a dbt manifest."""


class SelectorError(HeliographError):
    """A ``select`` or ``exclude`` expression cannot be understood, or needs what a manifest does not hold."""


class DbtListError(HeliographError):
    """``dbt ls`` or ``dbt deps`` ended with an error, told in dbt's own words."""


class SettingError(HeliographError):
    """An option of Airflow's ``[heliograph]`` section has a value that means nothing."""
