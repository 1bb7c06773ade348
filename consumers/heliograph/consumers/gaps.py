"""Events that a producer numbered and nobody received."""

from __future__ import annotations

from heliograph.bus.run_state import AttemptState

_SHOWN_RANGES = 10


def has_gap(attempt: AttemptState) -> bool:
    """The producer told its last sequence, and not all events up to it arrived."""
    return attempt.last_sequence is not None and not attempt.complete


def gap_is_open(attempt: AttemptState) -> bool:
    """Events are missing and not yet given up."""
    return has_gap(attempt) and attempt.lost is None


def describe_gap(attempt: AttemptState) -> str:
    """The missing sequences as ranges, e.g. ``3, 7-9``; cost and length do not grow with the ranges' size.

    Those up to the last sequence that the producer told, or else up to the highest that was seen.
    """
    ranges = _missing_ranges(attempt)
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_SHOWN_RANGES])
    more = len(ranges) - _SHOWN_RANGES
    return f"{shown} and {more} more ranges" if more > 0 else shown


def _missing_ranges(attempt: AttemptState) -> list[tuple[int, int]]:
    last = attempt.last_sequence if attempt.last_sequence is not None else attempt.sequences.highest
    ranges: list[tuple[int, int]] = []
    expected = attempt.sequences.contiguous + 1
    for seen in sorted(s for s in attempt.sequences.beyond if s <= last):
        if seen > expected:
            ranges.append((expected, seen - 1))
        expected = seen + 1
    if expected <= last:
        ranges.append((expected, last))
    return ranges
