"""The ends of sources' freshness checks, held until dbt tells the ages that they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heliograph.bus.payloads import NodeFinishedData
from heliograph.producer.sources.port import Json
from heliograph.producer.translate import freshness_fields


class SourceChecks:
    """dbt announces how each check ended as it ends, but tells the ages only in the result of them all."""

    def __init__(self) -> None:
        self._held: dict[str, NodeFinishedData] = {}

    def hold(self, unique_id: str, data: NodeFinishedData) -> None:
        """Keeps the end until ``told``."""
        self._held[unique_id] = data

    def told(self, results: Sequence[Json]) -> Iterator[tuple[str, NodeFinishedData]]:
        """The held ends, with the ages that ``results`` (``sources.json``) tell. Each is given once."""
        entries = {result["unique_id"]: result for result in results}
        held, self._held = self._held, {}
        for unique_id, data in held.items():
            entry = entries.get(unique_id)
            yield unique_id, data if entry is None else data.model_copy(update=freshness_fields(entry))
