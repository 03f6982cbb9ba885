from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import busysignal
from analysis.frames import check_logs, check_spans
from demo.incidents import incident
from demo.incidents.faults import KNOWN
from demo.incidents.generate import generate, kinds
from demo.incidents.outside import OUTSIDE
from exporters.catalog import engine, foreign, gpu, neutral, probe
from exporters.catalog.kinds import KINDS
from exporters.errors import UsageError

CATALOGUE = {
    signal.name: {*signal.labels, "job", "instance", "service", "replica"}
    for signal in (
        *neutral.SIGNALS, foreign.UP, foreign.ALERTS, foreign.PROCESS_START, engine.REPLICA_INFO,
        gpu.GPU_INFO, probe.PROBE_DEVICE,
    )
}  # fmt: skip


def digest(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("incidents") / "gpu_throttle"
    incident.make("gpu_throttle", "test/1", folder)
    return folder


def test_a_generated_incident_is_analysed_from_its_folder_alone(made, tmp_path):
    onset = json.loads((made / "truth.json").read_text())["onset_ns"] / 1e9
    begin, end = (datetime.fromtimestamp(onset + d, UTC).isoformat() for d in (-30, 900))

    said = CliRunner().invoke(
        busysignal.app,
        [
            "analyze",
            "--from",
            begin,
            "--to",
            end,
            "--data",
            str(made),
            "--json",
            str(tmp_path / "v"),
        ],
    )

    assert said.exit_code == 0, said.output
    verdict = json.loads((tmp_path / "v").read_text())
    assert verdict["causes"][0]["kind"] == "gpu_throttle"


def test_every_kind_of_the_catalogue_can_be_made():
    assert set(KNOWN) | {"unknown"} == set(KINDS)


def test_a_round_of_kinds_holds_every_one_and_healthy_ones_and_strangers():
    cards = list(islice(kinds(3), len(KNOWN) - 1 + 5 + 4))

    assert {*KNOWN} <= set(cards)
    assert cards.count("none") == 5
    assert len([card for card in cards if card in OUTSIDE]) == 4


def test_more_incidents_begin_with_the_same_ones():
    assert list(islice(kinds(5), 10)) == list(islice(kinds(5), 40))[:10]


def test_the_same_seed_gives_the_same_bytes(made, tmp_path):
    incident.make("gpu_throttle", "test/1", tmp_path / "again")

    assert digest(tmp_path / "again") == digest(made)


def test_another_seed_gives_another_incident(made, tmp_path):
    incident.make("gpu_throttle", "test/2", tmp_path / "other")

    assert digest(tmp_path / "other") != digest(made)


def test_every_series_is_in_the_catalogue_with_its_labels(made):
    metrics = pl.read_parquet(made / "metrics.parquet")
    labels = [column for column in metrics.columns if column not in ("name", "ts_ns", "value")]
    for (name,), rows in metrics.group_by("name"):
        used = {label for label in labels if rows[label].null_count() < rows.height}
        assert used <= CATALOGUE[str(name)], name


def test_spans_and_logs_are_canonical_and_hang_together(made):
    spans = check_spans(pl.read_parquet(made / "spans.parquet"))
    logs = check_logs(pl.read_parquet(made / "logs.parquet"))
    parents = set(spans["parent_id"].drop_nulls())

    assert spans.height > 500
    assert parents <= set(spans["span_id"])
    assert set(logs["trace_id"].drop_nulls()) <= set(spans["trace_id"])
    assert spans["duration_ns"].min() >= 0


def test_the_truth_is_told_in_its_own_file_alone(made):
    truth = json.loads((made / "truth.json").read_text())
    alert = json.loads((made / "alert.json").read_text())

    assert (truth["kind"], truth["paged"]) == ("gpu_throttle", True)
    assert truth["entities"][0].startswith("gpu/")
    assert truth["onset_ns"] < alert["starts_ns"] <= alert["asked_ns"]
    assert set(alert) == {"alert", "starts_ns", "asked_ns", "labels", "step_seconds"}


def test_nothing_is_recorded_after_the_verdict_is_asked_for(made):
    asked = json.loads((made / "alert.json").read_text())["asked_ns"]
    for name in ("metrics", "spans", "logs"):
        assert pl.read_parquet(made / f"{name}.parquet")["ts_ns"].max() <= asked + 1_000_000_000


def test_a_throttled_gpu_slows_its_own_replica_alone(made):
    truth = json.loads((made / "truth.json").read_text())
    metrics = pl.read_parquet(made / "metrics.parquet").filter(
        pl.col("name") == neutral.GPU_CLOCK.name
    )
    host, _, sick = truth["entities"][0].removeprefix("gpu/").rpartition("/")
    lowest = {
        (instance, gpu): value
        for instance, gpu, value in metrics.group_by("instance", "gpu")
        .agg(pl.col("value").min())
        .iter_rows()
    }
    place = next(key for key in lowest if key[1] == sick and key[0].startswith(host))

    assert lowest.pop(place) < 0.5
    assert min(lowest.values()) > 0.85


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError) as refused:
        generate(1, 1, tmp_path)

    assert str(refused.value) == f"--out {tmp_path} is not empty; name a new folder"
