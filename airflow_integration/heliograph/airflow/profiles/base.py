"""From an Airflow Connection to a dbt profile.

Secrets never stand in the ``profiles.yml``: it names environment variables, one for each connection id and field, so
that two connections of one type do not share them. The names do not begin with dbt's ``DBT_ENV_SECRET``: dbt would then
cut the value out of every line it logs, and a short password would garble names and ids in the events read from them.
Airflow masks passwords in task logs itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from heliograph.airflow.errors import ConfigError, ProfileError

if TYPE_CHECKING:
    from airflow.sdk import Connection

MOCK_VALUE = "mock"


class BaseProfileMapping:
    """Makes a dbt profile from an Airflow Connection. A subclass states what its adapter needs.

    Attributes:
        airflow_connection_type: type of the Connection.
        dbt_profile_type: dbt's adapter.
        required_fields: fields of the profile that must have a value.
        secret_fields: fields that are passed in environment variables only.
        connection_fields: where the value of a profile field stands in the Connection: an attribute of it, or
            ``extra.<key>``; the first that has a value counts.
        defaults: values of fields neither the Connection nor ``profile_args`` tells.
        mock_values: made-up values for listing nodes, where a plain word would not do.
    """

    airflow_connection_type: ClassVar[str]
    dbt_profile_type: ClassVar[str]
    required_fields: ClassVar[tuple[str, ...]] = ()
    secret_fields: ClassVar[tuple[str, ...]] = ()
    connection_fields: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}
    mock_values: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, conn_id: str, profile_args: Mapping[str, Any] | None = None) -> None:
        """``profile_args`` stand over what the Connection says.

        Raises:
            ConfigError: ``profile_args`` names another adapter.
        """
        self.conn_id = conn_id
        self.profile_args = dict(profile_args or {})
        named_type = self.profile_args.get("type", self.dbt_profile_type)
        if named_type != self.dbt_profile_type:
            raise ConfigError(
                f"{type(self).__name__} makes a profile of type {self.dbt_profile_type!r}, not {named_type!r}",
                setting="profile_args",
                fix="leave type out, or use the mapping of that adapter",
            )

    @cached_property
    def conn(self) -> Connection:
        """The Connection; read when first needed. Parsing a DAG file needs it only to name assets.

        Raises:
            ProfileError: there is no Connection of that id.
        """
        from airflow.sdk import Connection
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            connection: Connection = Connection.get(self.conn_id)
        except AirflowNotFoundException as error:
            raise ProfileError(
                f"There is no Airflow Connection {self.conn_id!r}",
                setting="ProfileConfig.profile_mapping, conn_id",
                fix="make the Connection in Airflow, or name another one",
            ) from error
        return connection

    def can_claim_connection(self) -> bool:
        """Whether the Connection has the right type and all a profile needs."""
        return self.conn.conn_type == self.airflow_connection_type and not self._missing_fields()

    @property
    def profile(self) -> dict[str, Any]:
        """The output of the profile, with secrets as ``env_var`` expressions.

        Raises:
            ProfileError: the Connection lacks a field that dbt needs.
        """
        self._require_complete()
        secrets = {name: self._reference(name) for name in self.secret_fields if name in self._values}
        return {"type": self.dbt_profile_type, **self._values, **secrets}

    @property
    def mock_profile(self) -> dict[str, Any]:
        """An output of the same form with made-up values; reads no Connection and holds no secret."""
        made_up = {name: self.mock_values.get(name, MOCK_VALUE) for name in self.required_fields}
        given = {name: value for name, value in self.profile_args.items() if name not in self.secret_fields}
        return {"type": self.dbt_profile_type, **made_up, **self.defaults, **given}

    @property
    def env_vars(self) -> dict[str, str]:
        """The secrets, by the name of the environment variable the profile asks for.

        Raises:
            ProfileError: the Connection lacks a field that dbt needs.
        """
        self._require_complete()
        return {self.env_var_name(name): str(self._values[name]) for name in self.secret_fields if name in self._values}

    def env_var_name(self, field: str) -> str:
        """Name of the environment variable for a secret field of this connection."""
        plain = re.sub(r"\W", "_", self.conn_id, flags=re.ASCII).upper()
        if plain.lower() != self.conn_id:
            # Several connection ids have this plain form; the digest tells them apart.
            plain = f"{plain}_{hashlib.sha256(self.conn_id.encode()).hexdigest()[:8].upper()}"
        return f"HELIOGRAPH_CONN_{plain}_{field.upper()}"

    def profiles_yml(self, profile_name: str, target_name: str, *, use_mock_values: bool = False) -> str:
        """The text of a ``profiles.yml`` with this one profile and target.

        Raises:
            ProfileError: the Connection lacks a field that dbt needs.
        """
        output = self.mock_profile if use_mock_values else self.profile
        document = {profile_name: {"target": target_name, "outputs": {target_name: output}}}
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(conn_id={self.conn_id!r})"

    @cached_property
    def _values(self) -> dict[str, Any]:
        """Every field that has a value: ``profile_args`` over Connection over defaults."""
        of_connection = {
            field: value
            for field, places in self.connection_fields.items()
            if field not in self.profile_args and (value := self._look_up(places)) not in (None, "")
        }
        return {**self.defaults, **of_connection, **self.profile_args}

    def _look_up(self, places: tuple[str, ...]) -> Any:
        for place in places:
            name, _, key = place.partition(".")
            value = self.conn.extra_dejson.get(key) if name == "extra" else getattr(self.conn, name)
            if value not in (None, ""):
                return value
        return None

    def _reference(self, field: str) -> str:
        return "{{ env_var('" + self.env_var_name(field) + "') }}"

    def _missing_fields(self) -> list[str]:
        return [name for name in self.required_fields if self._values.get(name) in (None, "")]

    def _require_complete(self) -> None:
        missing = self._missing_fields()
        if not missing:
            return
        places = ", ".join(
            f"{name} ({' or '.join(self.connection_fields.get(name, ()))})" if name in self.connection_fields else name
            for name in missing
        )
        raise ProfileError(
            f"The Airflow Connection {self.conn_id!r} does not tell what a dbt profile of type "
            f"{self.dbt_profile_type!r} needs: {places}",
            setting=f"Connection {self.conn_id}, fields {', '.join(missing)}",
            fix="fill these in at the Connection, or give those that are no secrets in profile_args",
        )
