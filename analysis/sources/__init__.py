"""Everything the analysis reads: samples, spans and logs, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.sources.section import ElasticsearchSection, PrometheusSection
from exporters import lazy

if TYPE_CHECKING:
    from analysis.sources.elasticsearch import ElasticsearchSource
    from analysis.sources.errors import SourceError
    from analysis.sources.gap import Gap
    from analysis.sources.prometheus import ActiveAlert, PrometheusSource
    from analysis.sources.source import Source
    from analysis.sources.store import StoreSource
else:
    # A command that reads the config alone needs no Polars and no client.
    __getattr__ = lazy.names(
        __name__,
        {
            "ElasticsearchSource": "elasticsearch",
            "SourceError": "errors",
            "Gap": "gap",
            "ActiveAlert": "prometheus",
            "PrometheusSource": "prometheus",
            "Source": "source",
            "StoreSource": "store",
        },
    )

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
