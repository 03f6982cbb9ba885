from __future__ import annotations

import polars as pl
import pytest

from analysis.sources.errors import SourceError
from analysis.sources.files import FileDocuments, FileMetrics
from exporters.errors import UsageError

SECOND = 1_000_000_000
STEP = 15 * SECOND
SHARE = (
    'sum by (service, outcome) (requests{service="chat",outcome="ok"}) '
    "/ on (service) group_left () sum by (service) (requests)"
)


@pytest.fixture
def source(tmp_path) -> FileMetrics:
    rows = [
        ("requests", "chat", "ok", 0, 6.0), ("requests", "chat", "ok", STEP, 8.0),
        ("requests", "chat", "error", 0, 2.0), ("requests", "chat", None, STEP, 1.0),
        ("requests", "other", "ok", STEP, 100.0), ("share", "chat", None, STEP, 0.5),
    ]  # fmt: skip
    schema = ["name", "service", "outcome", "ts_ns", "value"]
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(tmp_path / "metrics.parquet")
    return FileMetrics(tmp_path)


def answer(source: FileMetrics, query: str) -> dict[tuple[str | None, ...], dict[int, float]]:
    frame = source.range(query, 0, 2 * STEP, STEP)
    names = sorted(set(frame.columns) - {"ts_ns", "value"})
    found: dict[tuple[str | None, ...], dict[int, float]] = {}
    for row in frame.rows(named=True):
        labels = tuple(row[name] for name in names)
        found.setdefault(labels, {})[row["ts_ns"] // STEP] = row["value"]
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('requests{service="chat",outcome="error"}', {("error", "chat"): {0: 2.0}}),
        ('requests{outcome=~"o.*",service!="other"}', {("ok", "chat"): {0: 6.0, 1: 8.0}}),
        ('requests{outcome="",service="chat"}', {("chat",): {1: 1.0}}),
        ('sum by (service) (requests{service="chat"})', {("chat",): {0: 8.0, 1: 9.0}}),
        ("max by (service) (requests)", {("chat",): {0: 6.0, 1: 8.0}, ("other",): {1: 100.0}}),
        ("sum by (service) (requests) * on (service) share", {("chat",): {1: 4.5}}),
        ("1 - share", {("chat",): {1: 0.5}}),
        (
            SHARE,
            {("ok", "chat"): {0: 0.75, 1: 8 / 9}},
        ),
    ],
)
def test_a_query_gives_what_prometheus_would(source, query, expected):
    assert answer(source, query) == expected


def test_a_series_that_ended_is_not_carried_on(source):
    assert 2 not in answer(source, 'requests{outcome="ok",service="chat"}')["ok", "chat"]


def test_an_unknown_series_is_an_empty_answer(source):
    assert source.range("nothing", 0, STEP, STEP).height == 0


@pytest.mark.parametrize("query", ["rate(requests[5m])", "topk(1, requests)", "requests > 1"])
def test_what_is_not_spoken_is_refused(source, query):
    with pytest.raises(UsageError) as refused:
        source.range(query, 0, STEP, STEP)

    assert str(refused.value).endswith("is not evaluated on files; ask a Prometheus")


def test_a_folder_without_metrics_says_so(tmp_path):
    with pytest.raises(SourceError) as refused:
        FileMetrics(tmp_path)

    assert str(tmp_path / "metrics.parquet") in str(refused.value)


def test_spans_that_are_not_there_are_a_gap(tmp_path):
    source = FileDocuments(tmp_path)

    assert source.spans(0, STEP).height == 0
    assert [gap.gap for gap in source.gaps] == [
        f"no spans.parquet, store or OTLP of spans in {tmp_path}"
    ]
