"""Where in the SQLite log a moment is: the table has no column of times, but events lie in the order they came."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ValidationError

from heliograph.bus.sqlite_session import Session


class _TimeOnly(BaseModel):
    time: AwareDatetime


async def last_before(session: Session, moment: datetime, *, end: int) -> int:
    """An offset up to which, ``end`` at most, every event is older than ``moment``; 0 where none is. Halves the log."""
    first, last = 0, end
    while first < last:
        middle = (first + last) // 2
        rows = await session.page(None, after=middle, until=last, most=1)
        if rows and _older(rows[0][1], moment):
            first = rows[0][0]
        else:
            last = middle
    return first


def _older(body: bytes, moment: datetime) -> bool:
    # What cannot be read tells no time, and must hide nothing that stands before it.
    try:
        return _TimeOnly.model_validate_json(body).time < moment
    except ValidationError:
        return False
