"""Where the time of a request goes: exclusive time per phase, from its spans."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

ENGINE_PHASES = ("queue", "prefill", "decode")
SLOW_QUANTILE = 0.75
LEAST_REQUESTS = 8

PHASE_SCHEMA = {
    "trace_id": pl.String,
    "phase": pl.String,
    "entity": pl.String,
    "seconds": pl.Float64,
}


@dataclass(frozen=True, order=True)
class PhaseShare:
    """Mean seconds at one entity, of the requests that were there, and its share of the gain."""

    phase: str
    entity: str
    before: float
    after: float
    share: float


def phases(spans: pl.DataFrame) -> pl.DataFrame:
    """Exclusive seconds of every request by phase and entity; columns of PHASE_SCHEMA.

    Phases: queue, prefill, decode (of the gateway or a replica), upstream (all below a call to a
    service that is no replica), network (a call minus what its callee says), other.
    """
    needed = {"trace_id", "span_id", "parent_id", "ts_ns", "duration_ns", "operation", "kind"}
    if not spans.height or not needed <= set(spans.columns):
        return pl.DataFrame(schema=PHASE_SCHEMA)
    labelled = _inherit(_with_self_time(_plain(spans)))
    return (
        labelled.select("trace_id", _phase().alias("phase"), _entity().alias("entity"), "seconds")
        .group_by("trace_id", "phase", "entity")
        .agg(pl.col("seconds").sum())
        .sort("trace_id", "phase", "entity")
    )


def attribute(before: pl.DataFrame, during: pl.DataFrame) -> tuple[PhaseShare, ...]:
    """Compare slow requests of the incident with all requests before; largest share first.

    Both are canonical span frames. Shares of the increase add up to 1 over the phases that grew;
    without enough requests on either side, or without an increase, there is nothing to share.
    """
    old, new = phases(before), slowest(phases(during))
    if old["trace_id"].n_unique() < LEAST_REQUESTS or not new.height:
        return ()
    means = _means(old).join(
        _means(new), on=("phase", "entity"), how="full", coalesce=True, suffix="_after"
    )
    rows = means.fill_null(0.0).sort("phase", "entity").rows(named=True)
    gains = [max(0.0, row["mean_after"] - row["mean"]) for row in rows]
    if sum(gains) <= 0:
        return ()
    shares = [
        PhaseShare(row["phase"], row["entity"], row["here"], row["here_after"], gain / sum(gains))
        for row, gain in zip(rows, gains, strict=True)
    ]
    return tuple(sorted(shares, key=lambda share: (-share.share, share.phase, share.entity)))


def slowest(frame: pl.DataFrame) -> pl.DataFrame:
    """The requests whose total is in the slowest quarter."""
    totals = frame.group_by("trace_id").agg(pl.col("seconds").sum().alias("total"))
    if totals.height < LEAST_REQUESTS:
        return frame.clear()
    bound = totals["total"].quantile(SLOW_QUANTILE, "lower")
    return frame.join(totals.filter(pl.col("total") >= bound), on="trace_id", how="semi")


def _means(frame: pl.DataFrame) -> pl.DataFrame:
    """`mean` is over all requests, so that what few requests have counts for little.

    `here` is over those that have it, which is what a person expects to read.
    """
    requests = frame["trace_id"].n_unique()
    return frame.group_by("phase", "entity").agg(
        (pl.col("seconds").sum() / requests).alias("mean"), pl.col("seconds").mean().alias("here")
    )


def _plain(spans: pl.DataFrame) -> pl.DataFrame:
    pod = pl.col("pod") if "pod" in spans.columns else pl.lit(None, dtype=pl.String)
    return spans.unique(["trace_id", "span_id"]).select(
        "trace_id",
        "span_id",
        "parent_id",
        "operation",
        pl.col("kind").cast(pl.String).str.to_lowercase().alias("kind"),
        pod.alias("pod"),
        peer(spans).alias("peer"),
        pl.col("ts_ns").alias("start"),
        (pl.col("ts_ns") + pl.col("duration_ns")).alias("end"),
    )


def peer(spans: pl.DataFrame) -> pl.Expr:
    """The service a client span calls: `peer.service`, whatever form attributes have."""
    nothing = pl.lit(None, dtype=pl.String)
    if "attributes" not in spans.columns:
        return nothing
    kind = spans.schema["attributes"]
    if kind == pl.String:
        return pl.col("attributes").str.json_path_match("$['peer.service']")
    if isinstance(kind, pl.Struct) and any(f.name == "peer.service" for f in kind.fields):
        return pl.col("attributes").struct.field("peer.service").cast(pl.String)
    return nothing


def _with_self_time(spans: pl.DataFrame) -> pl.DataFrame:
    """A span's time minus its children's, clipped to it; overlapping children count once each."""
    ids = spans.select("trace_id", pl.col("span_id").alias("parent_id"),
                       pl.col("start").alias("from"), pl.col("end").alias("to"))  # fmt: skip
    covered = (
        spans.join(ids, on=("trace_id", "parent_id"))
        .with_columns(
            (pl.min_horizontal("end", "to") - pl.max_horizontal("start", "from"))
            .clip(lower_bound=0)
            .alias("covered")
        )
        .group_by("trace_id", pl.col("parent_id").alias("span_id"))
        .agg(pl.col("covered").sum())
    )
    own = pl.col("end") - pl.col("start") - pl.col("covered").fill_null(0)
    return spans.join(covered, on=("trace_id", "span_id"), how="left").with_columns(
        (own.clip(lower_bound=0) / 1e9).alias("seconds")
    )


def _inherit(spans: pl.DataFrame) -> pl.DataFrame:
    """Hand each span the upstream it is below of, three calls deep."""
    frame = spans
    for _ in range(3):
        parents = frame.select(
            "trace_id",
            pl.col("span_id").alias("parent_id"),
            pl.col("peer").alias("above"),
        )
        frame = (
            frame.join(parents, on=("trace_id", "parent_id"), how="left")
            .with_columns(pl.coalesce("peer", "above").alias("peer"))
            .drop("above")
        )
    return frame


def _phase() -> pl.Expr:
    client = pl.col("kind") == "client"
    return (
        pl.when(pl.col("peer").is_not_null())
        .then(pl.lit("upstream"))
        .when(pl.col("operation").is_in(ENGINE_PHASES))
        .then(pl.col("operation"))
        .when(client)
        .then(pl.lit("network"))
        .otherwise(pl.lit("other"))
    )


def _entity() -> pl.Expr:
    return (
        pl.when(pl.col("peer").is_not_null())
        .then(pl.concat_str(pl.lit("upstream/"), pl.col("peer")))
        .when(pl.col("pod").is_not_null() & (pl.col("pod") != ""))
        .then(pl.concat_str(pl.lit("replica/"), pl.col("pod")))
        .otherwise(pl.lit("gateway"))
    )
