from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from analysis.frames import SPAN_SCHEMA
from benchmarks.distributions import demonstrated, figures, generated, main, recorded

MS = 1_000_000


def span(trace: str, operation: str, kind: str, start: int, length: int) -> dict[str, object]:
    return {
        **dict.fromkeys(SPAN_SCHEMA), "trace_id": trace, "span_id": operation, "kind": kind,
        "operation": operation, "ts_ns": start * MS, "duration_ns": length * MS, "status": "ok",
    }  # fmt: skip


def incident(folder: Path, trouble: str) -> None:
    folder.mkdir()
    (folder / "truth.json").write_text(json.dumps({"trouble": trouble}), encoding="utf-8")
    rows = []
    for number, stretch in enumerate((1, 2, 3)):
        trace = str(number)
        rows += [
            span(trace, "POST /v1", "server", 0, 1000 * stretch),
            span(trace, "queue", "internal", 0, 100 * stretch),
            span(trace, "prefill", "internal", 100 * stretch, 200 * stretch),
            span(trace, "decode", "internal", 300 * stretch, 700 * stretch),
        ]
    pl.DataFrame(rows, schema=dict(SPAN_SCHEMA)).write_parquet(folder / "spans.parquet")


def test_only_healthy_controls_count_and_shares_are_of_the_requests_time(tmp_path: Path):
    incident(tmp_path / "a", "none")
    incident(tmp_path / "b", "storage_slow")
    requests = generated(tmp_path)
    told = figures(requests, requests)

    assert requests["first_token"].sort().to_list() == pytest.approx([0.3, 0.6, 0.9])
    assert told["queue, share of total"] == pytest.approx(0.1)
    assert told["decode, share of total"] == pytest.approx(0.7)
    assert told["total, KS to generated"] == 0.0


def test_of_the_demo_only_what_came_before_a_fault_counts(tmp_path: Path):
    felt = [
        {"start": float(at), "status": 200, "ttft": 0.1, "total": 0.2 if at < 30 else 9.0,
         "left": False}
        for at in range(120)
    ]  # fmt: skip
    lines = [*(json.dumps(one) for one in felt), '{"start": 12']
    (tmp_path / "felt-1.ndjson").write_text("\n".join(lines), encoding="utf-8")

    assert set(demonstrated(tmp_path)["total"]) == {0.2}


def test_what_a_source_does_not_tell_is_absent(tmp_path: Path, capsys):
    path = tmp_path / "traces.jsonl"
    path.write_text('{"name": "Worker init", "attributes": {}}\n', encoding="utf-8")

    assert recorded(path).height == 0
    assert main(["--vllm", str(path)]) == 0
    assert "| queue, share of total | – | – |" in capsys.readouterr().out
