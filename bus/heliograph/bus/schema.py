"""The contract for other programs: JSON Schema and AsyncAPI 3.0, made from the models."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from heliograph.bus.events import CONTENT_TYPE, EVENT_TYPES, TYPE_PREFIX, BaseEvent
from heliograph.bus.rabbitmq.message import ATTRIBUTES, FILTER_HEADER, HEADER_PREFIX

SCHEMA_FILE: Final = "events.schema.json"
ASYNCAPI_FILE: Final = "asyncapi.json"
CONTRACT_VERSION: Final = "1.0.0"

# What the models fill in themselves stands in every event all the same.
_ALWAYS: Final = ("specversion", "type", "datacontenttype", "time")
_INTEGERS: Final = ("attempt", "sequence")


def files() -> dict[str, str]:
    """Name and content of every generated file."""
    return {
        SCHEMA_FILE: json.dumps(json_schema(), indent=2) + "\n",
        ASYNCAPI_FILE: json.dumps(asyncapi(), indent=2) + "\n",
    }


def json_schema() -> dict[str, Any]:
    """One schema that accepts every event; each kind stands under ``$defs`` by its class name."""
    models = sorted(EVENT_TYPES.values(), key=lambda model: model.__name__)
    _, generated = models_json_schema([(model, "validation") for model in models], ref_template="#/$defs/{model}")
    definitions = generated["$defs"]
    for model in models:
        event = definitions[model.__name__]
        event["required"] = sorted({*event["required"], *_ALWAYS})
        event["description"] = _meaning(model)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heliograph events",
        "description": "CloudEvents 1.0 in structured mode. Unknown fields are allowed: newer producers may add some.",
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in models],
        "$defs": definitions,
    }


def asyncapi() -> dict[str, Any]:
    """The RabbitMQ event log: one channel, one message for each kind of event."""
    names = sorted(model.__name__ for model in EVENT_TYPES.values())
    here = [{"$ref": f"#/channels/events/messages/{name}"} for name in names]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Heliograph event log",
            "version": CONTRACT_VERSION,
            "description": "What a dbt run tells about itself. Readers consume the stream behind the exchange.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": "{environment}.{project}.{kind}",
                "parameters": {
                    "environment": {"description": "The deployment, from the bus URL.", "default": "default"},
                    "project": {"description": "The dbt project."},
                    "kind": {"description": "The event's kind.", "enum": sorted(map(_kind, EVENT_TYPES))},
                },
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"amqp": _binding()},
            }
        },
        "operations": {
            "publish": {"action": "send", "channel": {"$ref": "#/channels/events"}, "messages": here},
            "follow": {"action": "receive", "channel": {"$ref": "#/channels/events"}, "messages": here},
        },
        "components": {
            "messages": {model.__name__: _message(model) for _, model in sorted(EVENT_TYPES.items())},
            "schemas": {"Headers": _headers()},
        },
    }


def _message(model: type[BaseEvent]) -> dict[str, Any]:
    return {
        "name": model.model_fields["type"].default,
        "summary": _meaning(model),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"./{SCHEMA_FILE}#/$defs/{model.__name__}"},
    }


def _meaning(model: type[BaseEvent]) -> str:
    """The first sentence of the payload's docstring, which says what the event means."""
    payload = model.model_fields["data"].annotation
    return " ".join((getattr(payload, "__doc__", None) or "").split("\n\n")[0].split())


def _kind(type_name: str) -> str:
    return type_name.removeprefix(TYPE_PREFIX).rsplit(".", 1)[0]


def _headers() -> dict[str, Any]:
    properties = {
        f"{HEADER_PREFIX}{name}": {"type": "integer" if name in _INTEGERS else "string"}
        for name in (*ATTRIBUTES, "time")
    }
    return {
        "type": "object",
        "description": "The event's attributes once more, flat, for readers that filter.",
        "properties": {**properties, FILTER_HEADER: {"type": "string", "description": "The run."}},
        "required": [f"{HEADER_PREFIX}run", FILTER_HEADER],
    }


def _binding() -> dict[str, Any]:
    # The binding has no place for a queue's arguments, hence the extension.
    return {
        "is": "routingKey",
        "exchange": {"name": "heliograph", "type": "topic", "durable": True, "autoDelete": False},
        "x-stream": {"name": "heliograph", "arguments": {"x-queue-type": "stream"}, "bindingKey": "#"},
        "bindingVersion": "0.3.0",
    }
