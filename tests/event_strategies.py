"""Hypothesis strategies for every kind of event, derived from the models' annotations."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

from hypothesis import strategies as st
from pydantic import BaseModel

from heliograph.bus.events import EVENT_TYPES, BaseEvent, Event, RetryRequested, event_id, outside_event_id

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(min_value=0.001, max_value=1e9, allow_nan=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
    type(None): st.none(),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values a model accepts for a field annotated so."""
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(values, args))
    if origin is tuple:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    if issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if issubclass(annotation, BaseModel):
        return models(annotation)
    raise NotImplementedError(f"no strategy for {annotation}")


def models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Instances of the model; a field that has a default is sometimes left out."""
    fields = model.model_fields.items()
    required = {name: values(field.annotation) for name, field in fields if field.is_required()}
    optional = {name: values(field.annotation) for name, field in fields if not field.is_required()}
    return st.fixed_dictionaries(required, optional=optional).map(model.model_validate)


# Made once: building strategies anew for each draw takes longer than drawing.
_DATA = {kind: values(kind.model_fields["data"].annotation) for kind in EVENT_TYPES.values()}
_KINDS = st.sampled_from(list(EVENT_TYPES.values()))
_SUBJECTS = st.sampled_from(["model.shop.a", "model.shop.b", "test.shop.c"])
_RUNS = _TEXT.filter(bool)


@st.composite
def events(draw: st.DrawFn, run: str | None = None) -> Event:
    """One event of any kind, with the id its writer would give it."""
    kind = draw(_KINDS)
    key, attempt = run or draw(_RUNS), draw(st.integers(1, 3))
    sequence = draw(st.integers(1, 12)) if kind.counted else 0
    event = kind.model_validate(
        {
            "id": event_id(run=key, attempt=attempt, sequence=sequence)
            if kind.counted
            else _outside(draw, kind, key, attempt),
            "source": draw(_TEXT),
            "subject": draw(_SUBJECTS) if kind.model_fields["subject"].annotation is str else None,
            "run": key,
            "attempt": attempt,
            "sequence": sequence,
            "time": draw(_SIMPLE[datetime]),
            "traceparent": draw(st.none() | _TEXT),
            "data": draw(_DATA[kind]),
        }
    )
    return cast("Event", event)


def _outside(draw: st.DrawFn, kind: type[BaseEvent], run: str, attempt: int) -> str:
    # One run may hold several requests, but only one finding of each kind for an attempt.
    key = draw(st.sampled_from("abc")) if kind is RetryRequested else ""
    return outside_event_id(run=run, attempt=attempt, what=kind.model_fields["type"].default, key=key)


def event_sets(run: str) -> st.SearchStrategy[list[Event]]:
    """Events of one run as they may really occur: no two say different things under one id."""
    return st.lists(events(run), max_size=25, unique_by=lambda event: event.id)
