"""What a claimed attempt is to run: everything anew, the rest, or what was asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from heliograph.bus.events import RetryRequested
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import RunState
from heliograph.consumers.claims import Claim
from heliograph.consumers.retry_plan import requested, retry_set, succeeded, unfinished
from heliograph.consumers.retry_question import open_requests


@dataclass(frozen=True, kw_only=True, slots=True)
class NextAttempt:
    """What dbt is to run now.

    Attributes:
        number: of the attempt.
        fresh: the whole command runs anew, and earlier attempts count no longer.
        only: the unique ids to run; None for all that the command selects.
        answers: ids of the requests that this attempt answers.
        before: the outcomes of earlier attempts that count; earlier: all that is known of them.
    """

    number: int
    fresh: bool = False
    only: frozenset[str] | None = None
    answers: tuple[str, ...] = ()
    before: Mapping[str, Outcome] = field(default_factory=dict)
    earlier: RunState | None = None


FIRST = NextAttempt(number=1, fresh=True)


def anew(claimed: Claim) -> NextAttempt:
    """Everything, whatever earlier attempts did. Whoever asked for a retry before is answered by this."""
    return NextAttempt(number=claimed.attempt, fresh=True, answers=_ids(open_requests(claimed.state)))


def resumed(claimed: Claim) -> NextAttempt:
    """All that has not succeeded, which also answers everyone who asks for some of it."""
    return NextAttempt(
        number=claimed.attempt,
        only=unfinished(claimed.state),
        answers=_ids(open_requests(claimed.state)),
        before=_outcomes(claimed.state),
        earlier=claimed.state,
    )


def retried(claimed: Claim, request: RetryRequested) -> NextAttempt:
    """What everyone asks for who can be served by the same dbt command as this request."""
    state = claimed.state
    requests = open_requests(state, like=request)
    only = retry_set(state, requested(state, requests))
    served = [
        one
        for one in requests
        if only is None or all(uid in only or succeeded(state, uid) for uid in requested(state, [one]))
    ]
    return NextAttempt(number=claimed.attempt, only=only, answers=_ids(served), before=_outcomes(state), earlier=state)


def _ids(requests: Iterable[RetryRequested]) -> tuple[str, ...]:
    return tuple(request.id for request in requests)


def _outcomes(state: RunState) -> dict[str, Outcome]:
    """How each node ended in the newest attempt that counts and told of it."""
    return {
        unique_id: event.data.outcome
        for number in sorted(n for n in state.attempts if n >= state.counting_from)
        for unique_id, event in state.attempts[number].nodes_finished.items()
    }
