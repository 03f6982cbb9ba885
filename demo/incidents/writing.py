"""The files of one incident: what a source would have answered, and apart from it the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from demo.incidents.recording import Series

LABELS = (
    "job", "instance", "service", "replica", "model", "outcome", "reason", "phase", "upstream",
    "tier", "gpu", "device", "kind", "kernel", "xid", "version", "gpu_uuid", "uuid", "alertname",
    "alertstate", "severity",
)  # fmt: skip
METRICS, SPANS, LOGS = "metrics.parquet", "spans.parquet", "logs.parquet"
ALERT, TRUTH = "alert.json", "truth.json"


def metrics_frame(series: list[Series], times_ns: list[int]) -> pl.DataFrame:
    """Columns name, ts_ns, value and one per label, null where a series lacks it."""
    at = np.asarray(times_ns, dtype=np.int64)
    parts = []
    for one in sorted(series, key=lambda each: (each.name, each.labels)):
        known = np.isfinite(one.values)
        if known.any():
            told = dict(one.labels)
            parts.append(
                pl.DataFrame({"ts_ns": at[known], "value": one.values[known]}).select(
                    pl.lit(one.name).alias("name"),
                    *(pl.lit(told.get(label), dtype=pl.String).alias(label) for label in LABELS),
                    "ts_ns",
                    "value",
                )
            )
    return pl.concat(parts)


def write(
    folder: Path,
    *,
    metrics: pl.DataFrame,
    spans: pl.DataFrame,
    logs: pl.DataFrame,
    alert: dict[str, Any],
    truth: dict[str, Any],
) -> None:
    """Write one incident into `folder`, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in ((METRICS, metrics), (SPANS, spans), (LOGS, logs)):
        frame.write_parquet(folder / name, compression="zstd")
    for name, document in ((ALERT, alert), (TRUTH, truth)):
        (folder / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
