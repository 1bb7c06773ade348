"""The event contract: CloudEvents 1.0 envelopes around the payloads, and their codec.

Source of the envelope: CloudEvents 1.0.2, JSON event format (structured mode).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from heliograph.bus.errors import MalformedEvent, NewerEventVersion
from heliograph.bus.payloads import (
    AttemptClaimedData,
    CancelRequestedData,
    NodeFinishedData,
    NodeStartedData,
    RetryRequestedData,
    RunAbortedData,
    RunFinishedData,
    RunHeartbeatData,
    RunLostData,
    RunPlannedData,
    RunStartedData,
)

CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"
TYPE_PREFIX: Final = "dev.heliograph."
_TYPE = re.compile(r"^dev\.heliograph\.(?P<what>[a-z]+\.[a-z]+)\.v(?P<major>[0-9]+)$")


def _now() -> datetime:
    return datetime.now(UTC)


class BaseEvent(BaseModel):
    """The envelope.

    ``run`` is the key of the logical run, ``attempt`` counts from 1, ``sequence`` is gapless from 1 inside
    (run, attempt) for the producer's own events and 0 for events others write. ``time`` is for people only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    # Whether the producer's gapless counter numbers this kind; if not, ``sequence`` is 0.
    counted: ClassVar[bool] = True

    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"
    id: str
    source: str
    subject: str | None = None
    run: str = Field(min_length=1)
    attempt: int = Field(ge=1)
    sequence: int = Field(ge=0)
    time: datetime = Field(default_factory=_now)
    traceparent: str | None = None


class RunStarted(BaseEvent):
    type: Literal["dev.heliograph.run.started.v1"] = "dev.heliograph.run.started.v1"
    data: RunStartedData


class RunPlanned(BaseEvent):
    type: Literal["dev.heliograph.run.planned.v1"] = "dev.heliograph.run.planned.v1"
    data: RunPlannedData


class NodeStarted(BaseEvent):
    type: Literal["dev.heliograph.node.started.v1"] = "dev.heliograph.node.started.v1"
    subject: str
    data: NodeStartedData


class NodeFinished(BaseEvent):
    type: Literal["dev.heliograph.node.finished.v1"] = "dev.heliograph.node.finished.v1"
    subject: str
    data: NodeFinishedData


class RunHeartbeat(BaseEvent):
    type: Literal["dev.heliograph.run.heartbeat.v1"] = "dev.heliograph.run.heartbeat.v1"
    data: RunHeartbeatData


class RunFinished(BaseEvent):
    type: Literal["dev.heliograph.run.finished.v1"] = "dev.heliograph.run.finished.v1"
    data: RunFinishedData


class RunAborted(BaseEvent):
    type: Literal["dev.heliograph.run.aborted.v1"] = "dev.heliograph.run.aborted.v1"
    data: RunAbortedData


class RunLost(BaseEvent):
    counted: ClassVar[bool] = False
    type: Literal["dev.heliograph.run.lost.v1"] = "dev.heliograph.run.lost.v1"
    data: RunLostData


class RetryRequested(BaseEvent):
    counted: ClassVar[bool] = False
    type: Literal["dev.heliograph.retry.requested.v1"] = "dev.heliograph.retry.requested.v1"
    data: RetryRequestedData


class AttemptClaimed(BaseEvent):
    """``attempt`` is 1: which attempt it will be, its place in the log tells."""

    counted: ClassVar[bool] = False
    type: Literal["dev.heliograph.attempt.claimed.v1"] = "dev.heliograph.attempt.claimed.v1"
    data: AttemptClaimedData


class CancelRequested(BaseEvent):
    counted: ClassVar[bool] = False
    type: Literal["dev.heliograph.cancel.requested.v1"] = "dev.heliograph.cancel.requested.v1"
    data: CancelRequestedData


Event = (
    RunStarted
    | RunPlanned
    | NodeStarted
    | NodeFinished
    | RunHeartbeat
    | RunFinished
    | RunAborted
    | RunLost
    | RetryRequested
    | AttemptClaimed
    | CancelRequested
)

EVENT_TYPES: Final[dict[str, type[BaseEvent]]] = {cls.model_fields["type"].default: cls for cls in get_args(Event)}
"""Every event class by its full CloudEvents type."""

_KINDS: Final = {type_name.removeprefix(TYPE_PREFIX).rsplit(".", 1)[0] for type_name in EVENT_TYPES}
_ADAPTER: Final[TypeAdapter[Event]] = TypeAdapter(
    Annotated[Event, Field(discriminator="type")]  # type: ignore[arg-type,maybe-unrecognized-str-typeform]  # mypy cannot see Annotated as a TypeForm yet
)


def event_id(*, run: str, attempt: int, sequence: int) -> str:
    """The id of a producer's event: deterministic, so that a publish repeated after a doubt is a duplicate."""
    return f"{run}#{attempt}.{sequence}"


def outside_event_id(*, run: str, attempt: int, what: str, key: str = "") -> str:
    """The id of an event that is not the producer's own (``run.lost`` ...): equal for equal findings."""
    return f"{run}#{attempt}.{what}" + (f".{key}" if key else "")


def kind_of(event: Event) -> str:
    """The short kind, e.g. ``node.finished``."""
    return event.type.removeprefix(TYPE_PREFIX).rsplit(".", 1)[0]


def encode(event: Event) -> bytes:
    """The event as CloudEvents structured JSON, UTF-8.

    Half a surrogate pair, as a cut log line may hold, becomes a question mark: it has no form in UTF-8.
    """
    try:
        return event.model_dump_json(exclude_none=True).encode()
    except PydanticSerializationError:
        plain = event.model_dump(mode="json", exclude_none=True)
        return json.dumps(plain, ensure_ascii=False).encode(errors="replace")


class _TypeOnly(BaseModel):
    type: str


def decode(body: bytes) -> Event | None:
    """The event in ``body``, or None for a kind this version does not know.

    Raises:
        MalformedEvent: not JSON, or a known type whose content does not fit.
        NewerEventVersion: a known kind in a newer major version.
    """
    try:
        type_name = _TypeOnly.model_validate_json(body).type
        if type_name in EVENT_TYPES:
            return _ADAPTER.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise MalformedEvent(f"Not an event of the contract: {where}: {first['msg']}") from None
    match = _TYPE.match(type_name)
    if match and match["what"] in _KINDS and int(match["major"]) > 1:
        raise NewerEventVersion(type_name)
    return None
