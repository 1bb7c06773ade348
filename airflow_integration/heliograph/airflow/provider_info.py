"""What Airflow's provider registry shows of Heliograph."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any


def _option(description: str, *, example: str | None, default: str | None, kind: str = "string") -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": kind,
        "example": example,
        "default": default,
    }


def get_provider_info() -> dict[str, Any]:
    """The provider metadata, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "heliograph",
        "name": "Heliograph",
        "description": "Runs one dbt build and resolves each node's task by an event.",
        "versions": [version("heliograph")],
        "integrations": [
            {"integration-name": "dbt", "external-doc-url": "https://docs.getdbt.com/", "tags": ["service"]}
        ],
        "hooks": [{"integration-name": "RabbitMQ", "python-modules": ["heliograph.airflow.hooks"]}],
        "triggers": [{"integration-name": "dbt", "python-modules": ["heliograph.airflow.triggers"]}],
        "connection-types": [
            {
                "connection-type": "amqp",
                "hook-class-name": "heliograph.airflow.hooks.AmqpHook",
                "hook-name": "AMQP (RabbitMQ)",
            }
        ],
        "config": {"heliograph": {"description": "Settings of Heliograph, dbt inside Airflow.", "options": _options()}},
    }


def _options() -> dict[str, Any]:
    return {
        "bus_url": _option(
            "Where events go: ``amqp://``, ``amqps://`` or ``sqlite:///path``. "
            "Empty is the SQLite log ``heliograph/events.db`` in Airflow's home.",
            example="amqp://user:password@rabbitmq:5672/%2F?exchange=heliograph&stream=heliograph",
            default=None,
        )
        | {"sensitive": True},
        "bus_conn_id": _option(
            "An Airflow Connection of type ``amqp`` that holds the bus address; goes before ``bus_url``.",
            example="heliograph_bus",
            default=None,
        ),
        "start_order": _option(
            "When sensors start where a DAG does not say it: ``dependency`` keeps Airflow's own upstream rules, "
            "``all_at_once`` has the lowest latency.",
            example="all_at_once",
            default="dependency",
        ),
        "producer_queue": _option(
            "Airflow queue of the tasks that run dbt. An explicit ``queue`` of the task goes before it.",
            example="dbt",
            default=None,
        ),
        "consumer_queue": _option(
            "Airflow queue of the tasks of nodes. An explicit ``queue`` of the task goes before it.",
            example="light",
            default=None,
        ),
        "retry_queue": _option(
            "Airflow queue of the tasks of nodes when they run on a worker in a retry. An explicit ``queue`` of the "
            "task goes before it.",
            example="dbt",
            default=None,
        ),
        "emit_datasets": _option(
            "Whether the tasks of nodes emit asset events, where a DAG does not say it. Each emitting task then takes "
            "a worker for a moment when its node is done.",
            example="True",
            default="False",
            kind="boolean",
        ),
        "enable_debug_mode": _option(
            "Whether producers push the XCom ``heliograph_debug_max_memory_mb``, the most memory dbt was seen to use.",
            example="True",
            default="False",
            kind="boolean",
        ),
        "heartbeat_s": _option(
            "Seconds between two signs of life of a producer.", example="10", default="5", kind="float"
        ),
        "lease_s": _option(
            "Seconds of silence after which a producer is taken for dead. At least three times heartbeat_s.",
            example="60",
            default="25",
            kind="float",
        ),
        "drain_limit_s": _option(
            "Seconds a producer waits at its end for the bus to take the last events.",
            example="300",
            default="60",
            kind="float",
        ),
    }
