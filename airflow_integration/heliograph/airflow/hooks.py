"""The AMQP connection type of Airflow's Connections page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook

from heliograph.bus.errors import HeliographError

_URL_OPTIONS = ("exchange", "stream", "environment")


class AmqpHook(BaseHook):
    """Makes the bus URL out of an Airflow Connection of type ``amqp``.

    Host, port, login and password are the broker's; schema is the virtual host. Extra may hold ``tls`` (true for
    ``amqps``), ``exchange``, ``stream`` and ``environment``.
    """

    conn_name_attr = "amqp_conn_id"
    default_conn_name = "heliograph_bus"
    conn_type = "amqp"
    hook_name = "AMQP (RabbitMQ)"

    def __init__(self, amqp_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.amqp_conn_id = amqp_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """How the Connections page shows the fields."""
        return {
            "hidden_fields": [],
            "relabeling": {"schema": "Virtual host"},
            "placeholders": {
                "host": "rabbitmq.example.com",
                "port": "5672",
                "schema": "/",
                "extra": '{"tls": true, "exchange": "heliograph", "stream": "heliograph", "environment": "default"}',
            },
        }

    def get_url(self) -> str:
        """The bus URL, credentials included: never log it."""
        connection = self.get_connection(self.amqp_conn_id)
        extra = connection.extra_dejson
        scheme = "amqps" if str(extra.get("tls", "")).lower() in ("true", "1", "yes") else "amqp"
        login = quote(connection.login or "guest", safe="")
        password = quote(connection.password or "guest", safe="")
        port = connection.port or (5671 if scheme == "amqps" else 5672)
        vhost = quote((connection.schema or "/"), safe="")
        options = {name: str(extra[name]) for name in _URL_OPTIONS if extra.get(name)}
        query = f"?{urlencode(options)}" if options else ""
        return f"{scheme}://{login}:{password}@{connection.host or 'localhost'}:{port}/{vhost}{query}"

    def test_connection(self) -> tuple[bool, str]:
        """Whether producers and consumers could work with it: connects, and looks for the exchange and stream."""
        from heliograph.bus.rabbitmq.topology import check
        from heliograph.bus.rabbitmq.url import parse

        try:
            check(parse(self.get_url()))
        except HeliographError as error:
            return False, str(error)
        return True, "Connected; the exchange and the stream are there."
