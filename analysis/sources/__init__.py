"""Everything the analysis reads: samples, spans and logs, as frames."""

from __future__ import annotations

from analysis.sources.elasticsearch import ElasticsearchSection, ElasticsearchSource
from analysis.sources.errors import SourceError
from analysis.sources.gap import Gap
from analysis.sources.prometheus import ActiveAlert, PrometheusSection, PrometheusSource
from analysis.sources.source import Source
from analysis.sources.store import StoreSource

__all__ = [
    "ActiveAlert",
    "ElasticsearchSection",
    "ElasticsearchSource",
    "Gap",
    "PrometheusSection",
    "PrometheusSource",
    "Source",
    "SourceError",
    "StoreSource",
]
