"""The generated schema files: they fit what is encoded, and the committed ones fit the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator, FormatChecker

from event_strategies import events
from heliograph.bus import schema
from heliograph.bus.events import EVENT_TYPES, Event, encode
from heliograph.bus.rabbitmq.message import message_of
from run_events import Attempt

CONTRACT = Path(__file__).parents[2] / "docs" / "contract"
VALIDATOR = Draft202012Validator(schema.json_schema(), format_checker=FormatChecker())


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a local JSON pointer points to."""
    place: Any = document
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place


@pytest.mark.parametrize("name", schema.files())
def test_the_committed_file_is_what_the_models_say(name: str) -> None:
    assert (CONTRACT / name).read_text() == schema.files()[name], "run: heliograph bus schema --out docs/contract"


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(schema.json_schema())


@given(events())
def test_every_encoded_event_fits_the_schema(event: Event) -> None:
    VALIDATOR.validate(json.loads(encode(event)))


@pytest.mark.parametrize("name", ["id", "source", "specversion", "type", "run", "attempt", "sequence", "time", "data"])
def test_an_event_without_a_required_attribute_does_not_fit(name: str) -> None:
    body = json.loads(encode(Attempt().finished()))
    del body[name]

    assert not VALIDATOR.is_valid(body)


@pytest.mark.parametrize(("name", "value"), [("attempt", 0), ("sequence", -1), ("run", ""), ("specversion", "2.0")])
def test_an_event_with_a_value_out_of_range_does_not_fit(name: str, value: object) -> None:
    assert not VALIDATOR.is_valid({**json.loads(encode(Attempt().finished())), name: value})


def test_unknown_fields_fit() -> None:
    VALIDATOR.validate({**json.loads(encode(Attempt().finished())), "shade": "grey"})


def test_asyncapi_describes_one_message_for_each_kind_of_event() -> None:
    messages = schema.asyncapi()["components"]["messages"]

    assert {message["name"] for message in messages.values()} == set(EVENT_TYPES)
    assert all(message["summary"] for message in messages.values())


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    document = schema.asyncapi()
    local: set[str] = set()
    foreign: set[str] = set()

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if reference is not None:
                (local if reference.startswith("#") else foreign).add(reference)
            for inner in part.values():
                collect(inner)
        elif isinstance(part, list):
            for inner in part:
                collect(inner)

    collect(document)
    for reference in local:
        assert resolve(document, reference)
    for reference in foreign:
        file, _, pointer = reference.partition("#")
        assert file == f"./{schema.SCHEMA_FILE}"
        assert resolve(schema.json_schema(), pointer.removeprefix("/"))


@given(events())
def test_the_headers_of_every_event_fit_their_schema(event: Event) -> None:
    headers = schema.asyncapi()["components"]["schemas"]["Headers"]

    Draft202012Validator(headers).validate(message_of(event, environment="default").headers)
    assert set(message_of(event, environment="default").headers) <= set(headers["properties"])
