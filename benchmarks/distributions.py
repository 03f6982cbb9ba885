"""The incident generator's requests beside those of the live demo and of a real vLLM, in figures.

    python -m benchmarks.distributions [--incidents DIR] [--demo DIR] [--vllm FILE] [--json FILE]

DIR of incidents holds what `busysignal incidents` wrote (healthy controls count), DIR of the demo
its run folders (the first quarter of each run: before its fault), FILE spans as vLLM exports them,
one JSON object a line. A source that is not given is left out. Absolute times belong to a machine;
what is compared is shape: tails over medians, shares of a request's time, and the
Kolmogorov-Smirnov distance to the generator of values over their median.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.stats import ks_2samp

from benchmarks._rounds import table, write_json

HEALTHY: Final = 0.25
"""Share of a demo run that is surely before its fault."""
COLUMNS: Final = ("total", "first_token", "queue", "prefill", "decode", "failed")
FELT: Final = {"total": pl.Float64, "first_token": pl.Float64, "failed": pl.Boolean}
SECOND: Final = 1e9
Requests = pl.DataFrame


def generated(folder: Path) -> Requests:
    """Requests of the healthy controls below `folder`, as their spans tell."""
    return _whole([
        _of_spans(pl.read_parquet(truth.with_name("spans.parquet")))
        for truth in sorted(folder.rglob("truth.json"))
        if json.loads(truth.read_text(encoding="utf-8"))["trouble"] == "none"
    ])  # fmt: skip


def _of_spans(spans: pl.DataFrame) -> Requests:
    root = spans.filter(pl.col("kind") == "server").select(
        "trace_id", start="ts_ns", total=pl.col("duration_ns") / SECOND,
        failed=(pl.col("status") == "error").fill_null(value=False),
    )  # fmt: skip
    for phase in ("queue", "prefill", "decode"):
        of = spans.filter(pl.col("operation") == phase).group_by("trace_id")
        length = (pl.col("duration_ns").sum() / SECOND).alias(phase)
        root = root.join(
            of.agg(length, (pl.col("ts_ns") + pl.col("duration_ns")).max().alias(f"{phase}_end")),
            on="trace_id", how="left",
        )  # fmt: skip
    first = (pl.col("prefill_end") - pl.col("start")) / SECOND
    return root.filter(pl.col("prefill").is_not_null() | pl.col("failed")).with_columns(
        first_token=first
    )


def demonstrated(folder: Path) -> Requests:
    """What the demo's clients felt in the first quarter of each run below `folder`."""
    rows = []
    for path in sorted(folder.rglob("felt-*.ndjson")):
        felt = list(_objects(path))
        if len(felt) < 100:
            continue
        begin, end = felt[0]["start"], felt[-1]["start"]
        rows.append(pl.DataFrame([
            {"total": one["total"], "first_token": one["ttft"],
             "failed": one["status"] != 200 and not one["left"]}
            for one in felt if one["start"] < begin + HEALTHY * (end - begin)
        ], schema=FELT))  # fmt: skip
    return _whole(rows)


def recorded(path: Path) -> Requests:
    """Requests as vLLM's own spans tell."""
    rows = []
    for span in _objects(path):
        told = span.get("attributes", {})
        if "gen_ai.latency.time_in_queue" not in told:
            continue
        rows.append({
            "total": (span["end_ns"] - span["start_ns"]) / SECOND,
            "first_token": float(told["gen_ai.latency.time_to_first_token"]),
            "queue": float(told["gen_ai.latency.time_in_queue"]),
            "prefill": float(told["gen_ai.latency.time_in_model_prefill"]),
            "decode": float(told["gen_ai.latency.time_in_model_decode"]),
            "failed": span["status"]["code"] == 2,
        })  # fmt: skip
    return _whole([pl.DataFrame(rows)] if rows else [])


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut off when the run was killed


def _whole(frames: list[Requests]) -> Requests:
    empty = pl.DataFrame(schema={**dict.fromkeys(COLUMNS, pl.Float64), "failed": pl.Boolean})
    return pl.concat([empty, *frames], how="diagonal_relaxed").select(COLUMNS)


def figures(requests: Requests, ours: Requests) -> dict[str, float | None]:
    """What is compared; None where the source does not tell it."""
    told: dict[str, float | None] = {"requests": float(requests.height)}
    told["failed, share"] = float(requests["failed"].to_numpy().mean()) if requests.height else None
    good = requests.filter(~pl.col("failed"))
    for name in ("total", "first_token", "queue"):
        values = _values(good, name)
        told[f"{name}, median s"] = _or_none(values, np.median)
        told[f"{name}, P99 / median"] = _or_none(values, _tail)
        told[f"{name}, variation"] = _or_none(values, lambda v: v.std() / v.mean())
        other = _values(ours.filter(~pl.col("failed")), name)
        told[f"{name}, KS to generated"] = _distance(values, other)
    for name in ("queue", "prefill", "decode"):
        told[f"{name}, share of total"] = _share(good, name)
    return told


def _values(requests: Requests, name: str) -> np.ndarray:
    return requests[name].drop_nulls().to_numpy()


def _or_none(values: np.ndarray, figure: object) -> float | None:
    if values.size < 2 or not values.any():
        return None
    assert callable(figure)
    found = float(figure(values))
    return found if np.isfinite(found) else None


def _tail(values: np.ndarray) -> float:
    median = float(np.median(values))
    return float(np.quantile(values, 0.99)) / median if median > 0 else float("nan")


def _distance(values: np.ndarray, other: np.ndarray) -> float | None:
    if min(values.size, other.size) < 2 or not (np.median(values) > 0 < np.median(other)):
        return None
    return float(ks_2samp(values / np.median(values), other / np.median(other)).statistic)


def _share(requests: Requests, name: str) -> float | None:
    both = requests.select(name, "total").drop_nulls()
    whole = float(both["total"].sum())
    return float(both[name].sum()) / whole if whole > 0 else None


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.distributions")
    for name in ("--incidents", "--demo", "--vllm", "--json"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args(arguments)
    ours = generated(asked.incidents) if asked.incidents else _whole([])
    sources = {"generated": ours}
    if asked.demo:
        sources["demo"] = demonstrated(asked.demo)
    if asked.vllm:
        sources["vLLM"] = recorded(asked.vllm)
    told = {name: figures(requests, ours) for name, requests in sources.items()}
    rows = [
        (figure, *(_written(one[figure]) for one in told.values())) for figure in told["generated"]
    ]
    print(table(("figure", *told), rows))
    if asked.json:
        write_json(asked.json, told)
    return 0


def _written(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
