"""Which dbt profile and target a DAG uses."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from heliograph.airflow.config.profiles_yml import require_target
from heliograph.airflow.constants import DBT_PROFILES_FILENAME
from heliograph.airflow.errors import ConfigError

if TYPE_CHECKING:
    from heliograph.airflow.profiles.base import BaseProfileMapping


class ReadyProfile(NamedTuple):
    """A ``profiles.yml`` dbt can use now, and the environment variables it names.

    ``path`` is the file; its folder is what dbt's ``--profiles-dir`` wants.
    """

    path: Path
    env_vars: dict[str, str]


@dataclass(frozen=True)
class ProfileConfig:
    """Profile and target, read from a ``profiles.yml`` or made from an Airflow Connection.

    Attributes:
        profile_name: dbt's ``--profile``.
        target_name: dbt's ``--target``.
        profiles_yml_filepath: the ``profiles.yml`` to use.
        profile_mapping: makes the profile from an Airflow Connection. Exactly one of the two is given.

    Raises:
        ConfigError: neither or both of the two are given, or the file is missing.
        ProfileError: the file holds no such profile or target.
    """

    profile_name: str
    target_name: str
    profiles_yml_filepath: str | Path | None = None
    profile_mapping: BaseProfileMapping | None = None

    def __post_init__(self) -> None:
        if (self.profiles_yml_filepath is None) == (self.profile_mapping is None):
            given = "Both" if self.profile_mapping is not None else "Neither"
            raise ConfigError(
                f"{given} of profiles_yml_filepath and profile_mapping given",
                setting="ProfileConfig.profiles_yml_filepath, ProfileConfig.profile_mapping",
                fix="give exactly one: a profiles.yml, or a mapping that makes the profile from an Airflow Connection",
            )
        if self.profiles_yml_filepath is not None:
            require_target(Path(self.profiles_yml_filepath), profile=self.profile_name, target=self.target_name)

    @contextmanager
    def ensure_profile(self, *, use_mock_values: bool = False) -> Iterator[ReadyProfile]:
        """A ``profiles.yml`` for the time of the ``with`` block.

        A given file is used where it is. From a mapping, a file is written into a private folder that is removed at
        the end; secrets are not in it, only in the environment variables.

        Args:
            use_mock_values: take made-up values of the right form, so that no Connection is read. Enough to list
                nodes, not to run them.

        Raises:
            ProfileError: the Connection lacks a field that dbt needs.
        """
        if self.profile_mapping is None:
            yield ReadyProfile(Path(str(self.profiles_yml_filepath)), {})
            return
        mapping = self.profile_mapping
        text = mapping.profiles_yml(self.profile_name, self.target_name, use_mock_values=use_mock_values)
        env_vars = {} if use_mock_values else mapping.env_vars
        with tempfile.TemporaryDirectory(prefix="heliograph-profile-") as folder:
            path = Path(folder) / DBT_PROFILES_FILENAME
            path.write_text(text, encoding="utf-8")
            yield ReadyProfile(path, env_vars)
