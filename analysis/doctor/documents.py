"""Elasticsearch: its version, and that spans and logs are there in a shape that can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator

from analysis.doctor.finding import Finding, judged, version
from analysis.sources.elasticsearch import ElasticsearchSource
from analysis.sources.section import ElasticsearchSection

OLDEST = (8, 0)
HOUR_NS = 3_600 * 10**9
SAMPLE = 200


def look(section: ElasticsearchSection) -> Iterator[Finding]:
    """The findings, by the very way that a verdict reads; raises SourceError."""
    source = ElasticsearchSource(section, "busysignal-doctor")
    try:
        yield version("Elasticsearch", source.version(), OLDEST)
        now = time.time_ns()
        yield _kind(source, "traces", source.spans(now - HOUR_NS, now, SAMPLE).height)
        yield _kind(source, "logs", source.logs(now - HOUR_NS, now, SAMPLE).height)
    finally:
        source.close()


def _kind(source: ElasticsearchSource, kind: str, rows: int) -> Finding:
    told = "; ".join(gap.gap for gap in source.gaps if "keeps no" not in gap.gap)
    source.gaps.clear()
    return judged(
        f"Elasticsearch {kind}", ok=rows > 0,
        seen=f"{rows} of the last hour read" if rows else told or "none in the last hour",
        blinds=f"what {kind} would tell about single requests",
        remedy="point the service's telemetry at this cluster" if not told
        else "declare their shape: elasticsearch.shapes in the config (docs/sources.md)",
    )  # fmt: skip
