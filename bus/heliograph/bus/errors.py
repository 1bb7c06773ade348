"""The error tree's root and the errors of the bus.

Every error names the setting it is about and the fix, so that a command line or a task log can
print one line that a person can act on.
"""

from __future__ import annotations


class HeliographError(Exception):
    """Root of every error Heliograph raises.

    Attributes:
        problem: what went wrong, one sentence.
        setting: the option, setting or field it is about, where there is one.
        fix: what to do about it, one sentence.
    """

    exit_code = 2

    def __init__(self, problem: str, *, setting: str | None = None, fix: str | None = None) -> None:
        self.problem = problem
        self.setting = setting
        self.fix = fix
        super().__init__(problem, setting, fix)

    def __str__(self) -> str:
        parts = [self.problem.rstrip(".") + "."]
        if self.setting is not None:
            parts.append(f"Setting: {self.setting}.")
        if self.fix is not None:
            parts.append(f"Fix: {self.fix.rstrip('.')}.")
        return " ".join(parts)


class BusError(HeliographError):
    """The event log cannot be used."""


class BusUnavailable(BusError):
    """The event log does not answer now; trying again later may succeed."""


class BusRefused(BusError):
    """The event log refused the credentials, a permission is missing, or what stands there is no event log."""


class BusMissing(BusError):
    """The exchange, the stream or the binding between them does not exist."""


class UnknownBusScheme(BusError):
    """The bus URL starts with a scheme no event log serves, or is malformed."""


class UndeliveredEvents(BusError):
    """Events were still waiting for delivery when the time limit ended.

    Attributes:
        undelivered: how many events were not delivered.
    """

    def __init__(self, problem: str, *, undelivered: int, setting: str | None = None, fix: str | None = None) -> None:
        self.undelivered = undelivered
        super().__init__(problem, setting=setting, fix=fix)


class EventError(HeliographError):
    """Bytes that are not an event this version can read."""


class MalformedEvent(EventError):
    """The bytes are not JSON, or not an event of the contract."""


class NewerEventVersion(EventError):
    """The event is of a known kind in a newer major version.

    Attributes:
        event_type: the full CloudEvents type, e.g. ``dev.heliograph.node.finished.v2``.
    """

    def __init__(self, event_type: str) -> None:
        self.event_type = event_type
        super().__init__(
            f"The log holds an event of type {event_type}, newer than this Heliograph reads",
            fix="upgrade the heliograph package where events are read to at least the producer's version",
        )
