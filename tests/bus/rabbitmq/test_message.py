"""How an event lies in the stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from event_strategies import events
from heliograph.bus.events import Event, decode
from heliograph.bus.rabbitmq.message import message_of, routing_key
from run_events import Attempt, model


def test_attributes_are_repeated_as_flat_headers() -> None:
    event = Attempt(run="shop/run-1").node(model("orders"))

    message = message_of(event, environment="blue")

    assert message.headers == {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "shop/run-1#1.1",
        "cloudEvents:source": "/dbt/shop/dev",
        "cloudEvents:type": "dev.heliograph.node.finished.v1",
        "cloudEvents:subject": "model.shop.orders",
        "cloudEvents:run": "shop/run-1",
        "cloudEvents:attempt": 1,
        "cloudEvents:sequence": 1,
        "cloudEvents:time": event.time.isoformat(),
        "x-stream-filter-value": "shop/run-1",
    }
    assert decode(message.body) == event


def test_attributes_an_event_does_not_have_are_left_out() -> None:
    headers = message_of(Attempt().heartbeat(), environment="blue").headers

    assert "cloudEvents:subject" not in headers
    assert "cloudEvents:traceparent" not in headers


def test_the_routing_key_names_environment_project_and_kind() -> None:
    assert routing_key(Attempt().heartbeat(), environment="blue") == "blue.shop.run.heartbeat"


@given(events(), st.text(max_size=300))
def test_whatever_the_names_are_the_routing_key_has_four_words_and_fits(event: Event, environment: str) -> None:
    key = routing_key(event, environment=environment)

    assert len(key.split(".")) == 4
    assert all(key.split("."))
    assert len(key.encode()) <= 255
    assert not {"*", "#"} & set(key)
