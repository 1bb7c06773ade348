"""The codec: what is encoded is decoded unchanged, and no bytes can do harm."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_strategies import events
from heliograph.bus.errors import MalformedEvent, NewerEventVersion
from heliograph.bus.events import EVENT_TYPES, BaseEvent, Event, decode, encode, kind_of
from run_events import Attempt, model

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def decodes_without_surprise(body: bytes) -> None:
    with suppress(MalformedEvent, NewerEventVersion):
        event = decode(body)
        assert event is None or isinstance(event, BaseEvent)


@given(events())
def test_decoding_gives_back_what_was_encoded(event: Event) -> None:
    assert decode(encode(event)) == event


@given(st.binary())
def test_any_bytes_are_an_event_or_nothing_or_a_told_error(body: bytes) -> None:
    decodes_without_surprise(body)


@given(_JSON)
def test_any_json_is_an_event_or_nothing_or_a_told_error(content: object) -> None:
    decodes_without_surprise(json.dumps(content).encode())


@given(events(), st.data())
def test_a_broken_event_is_told_or_still_an_event(event: Event, data: st.DataObject) -> None:
    broken = json.loads(encode(event))
    name = data.draw(st.sampled_from(sorted(broken)))
    broken[name] = data.draw(_JSON)
    decodes_without_surprise(json.dumps(broken).encode())


@given(events(), st.data())
def test_a_cut_event_is_malformed(event: Event, data: st.DataObject) -> None:
    body = encode(event)
    with pytest.raises(MalformedEvent):
        decode(body[: data.draw(st.integers(0, len(body) - 1))])


@given(events())
def test_fields_that_a_newer_producer_added_are_ignored(event: Event) -> None:
    body = json.loads(encode(event))
    body["shade"] = {"of": ["grey"]}
    body["data"]["mood"] = "bright"

    assert decode(json.dumps(body).encode()) == event


@pytest.mark.parametrize("type_name", EVENT_TYPES)
def test_a_newer_major_version_of_a_known_kind_names_itself_and_the_fix(type_name: str) -> None:
    newer = type_name.replace(".v1", ".v2")
    with pytest.raises(NewerEventVersion) as caught:
        decode(json.dumps({"type": newer, "data": "anything"}).encode())

    assert caught.value.event_type == newer
    assert str(caught.value) == (
        f"The log holds an event of type {newer}, newer than this Heliograph reads. "
        "Fix: upgrade the heliograph package where events are read to at least the producer's version."
    )


@pytest.mark.parametrize("type_name", ["dev.heliograph.node.dreamed.v1", "dev.heliograph.node.finished", "com.x", ""])
def test_an_unknown_kind_is_nothing(type_name: str) -> None:
    assert decode(json.dumps({"type": type_name}).encode()) is None


def test_a_malformed_event_names_the_field() -> None:
    body = json.loads(encode(Attempt().heartbeat()))
    body["attempt"] = 0

    with pytest.raises(MalformedEvent, match=r"run\.heartbeat\.v1\.attempt: .*greater than or equal to 1"):
        decode(json.dumps(body).encode())


def test_a_cut_character_does_not_stop_the_event() -> None:
    event = Attempt().node(model("orders"), message="half of \ud83d a smile")

    decoded = decode(encode(event))

    assert decoded is not None
    assert decoded.id == event.id
    assert b"half of ? a smile" in encode(event)


def test_the_short_kind_is_the_middle_of_the_type() -> None:
    assert kind_of(Attempt().heartbeat()) == "run.heartbeat"
