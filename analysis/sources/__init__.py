"""Everything the analysis reads: samples, spans and logs, as frames."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analysis.sources.section import ElasticsearchSection, PrometheusSection

if TYPE_CHECKING:
    from analysis.sources.elasticsearch import ElasticsearchSource
    from analysis.sources.errors import SourceError
    from analysis.sources.gap import Gap
    from analysis.sources.prometheus import ActiveAlert, PrometheusSource
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

_HOMES = {
    "ElasticsearchSource": "elasticsearch",
    "SourceError": "errors",
    "Gap": "gap",
    "ActiveAlert": "prometheus",
    "PrometheusSource": "prometheus",
    "Source": "source",
    "StoreSource": "store",
}
"""Loaded when asked for: a command that reads the config alone needs no Polars and no client."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
