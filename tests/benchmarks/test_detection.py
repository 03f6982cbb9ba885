from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks import suites, wal
from benchmarks.suites import detection
from exporters.errors import UsageError
from tests.replayed import served
from tests.telemetry_reading import eventually

CONFIG = """\
scrape_configs:
- job_name: gateway
  scrape_interval: 1s
  static_configs: [{targets: ["TARGET"]}]
"""


def a_run(seed: int, fault: str = "traffic_burst", moved: float = 8.0) -> detection.Run:
    rng = np.random.default_rng(seed)
    rows = 100 * rng.lognormal(0, 0.05, (60, 6))
    if fault != "none":
        rows[25:, 2] *= moved
    rows[40, 4] = np.nan
    names = tuple(f"llm:series_{i}" for i in range(6))
    return detection.Run(f"{fault}-{seed}", fault, names, rows, 25)


@pytest.fixture(scope="module", autouse=True)
def _without_the_slowest():
    kept = {name: detection.DETECTORS[name] for name in ("stream", "level", "pca", "blind")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection, "DETECTORS", kept)
        yield


@pytest.fixture(scope="module")
def cases():
    runs = [a_run(seed) for seed in range(7)] + [a_run(9, "none")]
    return [detection.judged(one, runs) for one in runs]


@pytest.mark.parametrize(("name", "false"), [("stream", 6), ("level", 1), ("pca", 1)])
def test_a_level_that_jumps_is_found_within_seconds_and_health_hardly(cases, name: str, false: int):
    delays = [case[f"{name}_delay"] for case in cases if case["id"] != "none-9"]

    assert max(delay for delay in delays if delay is not None) <= 6
    assert sum(delay is not None for delay in delays) >= 6
    assert sum(case[f"{name}_false"] for case in cases) <= false


def test_units_and_the_order_of_series_change_no_answer(cases):
    factors, order = 10.0 ** np.arange(-3, 3), [3, 1, 5, 0, 4, 2]
    runs = [
        detection.Run(one.name, one.fault, tuple(f"gpu:{i}" for i in range(6)),
                      (one.rows * factors)[:, order], one.injected)
        for one in [*(a_run(seed) for seed in range(7)), a_run(9, "none")]
    ]  # fmt: skip

    found = detection.judged(runs[0], runs)

    for name in ("stream", "level", "pca"):
        assert found[f"{name}_delay"] == cases[0][f"{name}_delay"]
        assert found[f"{name}_false"] == cases[0][f"{name}_false"]


def test_chance_is_measured_beside_the_detectors(cases):
    figures = detection.summary(cases)

    assert figures["faults"] == 7
    assert figures["days_of_health"] == pytest.approx((7 * 25 + 60) / 1440)
    assert figures["blind_found"] < figures["stream_found"]
    assert {"stream_delay_median_s", "stream_false_alarms_a_day", "stream_microseconds_a_value",
            "stream_found_interval"} <= figures.keys()  # fmt: skip


def test_a_folder_without_recorded_runs_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="prometheus/wal"):
        suites.run("detection", tmp_path)


@pytest.mark.servers
def test_the_log_of_a_real_prometheus_holds_what_it_scraped(start_prometheus, tmp_path: Path):
    pages = iter(range(10_000))
    config = tmp_path / "prometheus.yml"

    def page() -> bytes:
        number = next(pages)
        return f'llm:depth{{replica="a"}} {number}\nother_total {number}\n'.encode()

    with served(page) as target:
        config.write_text(CONFIG.replace("TARGET", target))
        start_prometheus(config)
        eventually(lambda: len(depths(tmp_path)) > 3, 60)
        found = depths(tmp_path)

    assert list(np.diff([value for _, value in found])) == [1.0] * (len(found) - 1)
    assert all(500 < gap < 10_000 for gap in np.diff([at for at, _ in found]))


def depths(folder: Path) -> list[tuple[int, float]]:
    return [
        (at, value)
        for log in folder.rglob("wal")
        for points in wal.read(log, "llm:depth".__eq__).values()
        for at, value in points
        if np.isfinite(value)
    ]


def test_a_log_that_breaks_off_is_read_up_to_there(tmp_path: Path):
    series = b"\x01" + struct.pack(">Q", 7) + b"\x01" + b"\x08__name__" + b"\x05llm:a"
    samples = b"\x02" + struct.pack(">Qq", 7, 1000) + b"\x00\x00" + struct.pack(">d", 2.5)
    whole = b"".join(
        bytes([1]) + len(record).to_bytes(2, "big") + b"\0" * 4 + record
        for record in (series, samples)
    )
    (tmp_path / "00000000").write_bytes(whole + b"\x01\x00\x40half")

    assert wal.read(tmp_path, lambda name: name.startswith("llm:")) == {
        (("__name__", "llm:a"),): [(1000, 2.5)]
    }


def test_runs_are_told_apart_by_their_gateways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    points = {}
    for number, began in enumerate((1000, 1100)):
        place = tmp_path / f"traffic_burst-{number}"
        place.mkdir()
        if number:
            (place / "injected").write_text(f"{began + 48.2}\n")
        began_or_told = began + 48 if number else began - 9
        os.utime(place, (began_or_told, began_or_told))
        moments = [(1000 * (began + s), float(s)) for s in range(60)]
        up = (("__name__", "busysignal:target_up"), ("instance", str(number)), ("job", "gateway"))
        points |= {up: moments, (("__name__", "llm:a"), ("replica", str(number))): moments}
    monkeypatch.setattr(wal, "read", lambda *_: points)

    first, second = detection.read(tmp_path)

    assert (first.name, second.name) == ("traffic_burst-0", "traffic_burst-1")
    assert first.rows[:, 0].tolist() == [float(s) for s in range(detection.SETTLED, 60)]
    assert 20 <= first.injected <= 23
    assert second.injected == 40
