"""Opens what the analysis reads: the servers that the config names, or a folder of files."""

from __future__ import annotations

from pathlib import Path

from analysis.collect import Sources
from analysis.sources.elasticsearch import ElasticsearchSource
from analysis.sources.files import METRICS, FileDocuments, FileMetrics
from analysis.sources.prometheus import PrometheusSource
from analysis.sources.section import ElasticsearchSection, PrometheusSection
from analysis.sources.source import Source
from analysis.sources.store import StoreSource
from exporters.telemetry.section import TelemetrySection


def to_servers(
    prometheus: PrometheusSection,
    telemetry: TelemetrySection,
    elasticsearch: ElasticsearchSection,
) -> Sources:
    """Metrics from Prometheus; spans and logs from where [telemetry] sends them, if anywhere."""
    metrics = PrometheusSource(prometheus.url, prometheus.timeout_seconds)
    documents: Source | None = None
    if telemetry.kind == "store":
        documents = StoreSource(telemetry.store_dir)
    elif telemetry.kind != "none":
        documents = ElasticsearchSource(elasticsearch)
    return Sources(metrics, documents)


def to_files(folder: Path) -> Sources:
    """Parquet files in `folder`; without a file of metrics, its spans and logs alone."""
    metrics = FileMetrics(folder) if (folder / METRICS).is_file() else None
    return Sources(metrics, FileDocuments(folder))
