from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from analysis.frames import LOG_SCHEMA, FrameError, check_logs, check_spans
from analysis.sources import Gap, SourceError, StoreSource

MS = 10**6


def write(path: Path, *milliseconds: int, tail: str = "") -> None:
    documents = [
        {"@timestamp": f"{ms}.000000", "trace_id": "a", "span_id": f"{ms:x}", "name": str(ms)}
        for ms in milliseconds
    ]
    path.write_text("".join(json.dumps(document) + "\n" for document in documents) + tail)


def test_files_of_several_writers_are_read_in_the_order_of_time(tmp_path: Path):
    write(tmp_path / "traces-a-000001.ndjson", 1, 3)
    write(tmp_path / "traces-b-000001.ndjson", 2, 4)
    source = StoreSource(tmp_path)

    frame = source.spans(0, 4 * MS)

    assert ["1", "2", "3"] == frame["operation"].to_list()
    assert ("traces-b-000001.ndjson", "1") == frame.select("source_index", "source_id").row(1)
    assert [] == source.gaps


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path):
    write(tmp_path / "traces-a-1.ndjson", 1, tail='{"@timestamp":"2.0","tr')
    source = StoreSource(tmp_path)

    assert 1 == source.spans(0, 9 * MS).height
    assert [] == source.gaps


def test_broken_lines_are_a_gap(tmp_path: Path):
    write(tmp_path / "traces-a-1.ndjson", 1, tail="nonsense\n[]\n{}\n")
    source = StoreSource(tmp_path)

    assert 1 == source.spans(0, 9 * MS).height
    assert [
        Gap("store", "2 lines of traces-a-1.ndjson are not JSON objects"),
        Gap("store", "1 documents are not spans: no trace_id and span_id"),
    ] == source.gaps


def test_a_limit_keeps_the_first_and_says_so(tmp_path: Path):
    write(tmp_path / "traces-a-1.ndjson", 1, 2, 3)
    source = StoreSource(tmp_path)

    assert ["1", "2"] == source.spans(0, 9 * MS, limit=2)["operation"].to_list()
    assert [Gap("store", "only the first 2 of 3 rows were kept")] == source.gaps


def test_a_file_that_ended_before_the_window_is_not_opened(tmp_path: Path):
    path = tmp_path / "traces-a-1.ndjson"
    path.write_text("nonsense\n")
    os.utime(path, ns=(5 * MS, 5 * MS))
    source = StoreSource(tmp_path)

    assert source.spans(6 * MS, 9 * MS).is_empty()
    assert [] == source.gaps


def test_an_empty_store_is_a_gap_and_no_store_an_error(tmp_path: Path):
    source = StoreSource(tmp_path)

    assert source.logs(0, 1).is_empty()
    assert [Gap("store", f"no logs-*.ndjson in {tmp_path}")] == source.gaps
    with pytest.raises(SourceError) as error:
        StoreSource(tmp_path / "missing").spans(0, 1)
    assert (
        f"the store at {tmp_path / 'missing'} is not a folder; "
        "name the folder that [telemetry] store_dir names, or start the service first"
    ) == str(error.value)


def test_a_frame_that_is_not_canonical_is_refused_by_its_column(tmp_path: Path):
    write(tmp_path / "traces-a-1.ndjson", 1)
    spans = StoreSource(tmp_path).spans(0, 9 * MS)

    assert check_spans(spans) is spans
    assert check_logs(pl.DataFrame(schema=dict(LOG_SCHEMA))).is_empty()
    with pytest.raises(FrameError, match=r"lacks \['kind'\] and has nothing more"):
        check_spans(spans.drop("kind"))
    with pytest.raises(FrameError, match="column ts_ns of a frame of spans is Float64; cast it"):
        check_spans(spans.cast({"ts_ns": float}))
    with pytest.raises(FrameError, match="column span_id of a frame of spans has 1 nulls"):
        check_spans(spans.with_columns(span_id=None).cast({"span_id": str}))
