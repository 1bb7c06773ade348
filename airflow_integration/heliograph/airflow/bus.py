"""Which bus this Airflow uses: the Connection named in the settings, or the URL there."""

from __future__ import annotations

from heliograph.airflow import settings


def resolve_bus_url() -> str:
    """The bus URL with credentials. Reads a Connection where one is named, so not for the triggerer's loop.

    Raises:
        BusRefused, UnknownBusScheme: what the Connection says is no bus address.
    """
    conn_id = settings.bus_conn_id()
    if conn_id is None:
        return settings.bus_url()
    from heliograph.airflow.hooks import AmqpHook

    return AmqpHook(amqp_conn_id=conn_id).get_url()


async def aresolve_bus_url() -> str:
    """As ``resolve_bus_url``, without blocking the loop it is called from."""
    conn_id = settings.bus_conn_id()
    if conn_id is None:
        return settings.bus_url()
    from asgiref.sync import sync_to_async

    return await sync_to_async(resolve_bus_url)()
