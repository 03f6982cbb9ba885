"""The forecast as a real Prometheus scrapes it, read back through its API."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from analysis.forecast.publish import serve_forecasts
from analysis.sources import PrometheusSource
from tests.analysis.forecast.test_publish import SECTION, Recorded
from tests.telemetry_reading import eventually

CONFIG = """\
scrape_configs:
- job_name: forecast
  scrape_interval: 1s
  static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


@pytest.mark.servers
def test_what_is_foretold_is_read_back_from_prometheus(start_prometheus, tmp_path: Path):
    stop, listens, found = threading.Event(), threading.Event(), []

    def announce(url: object) -> None:
        found.append(str(url))
        listens.set()

    thread = threading.Thread(
        target=serve_forecasts, args=(Recorded(), SECTION.model_copy(update={"port": 0})),
        kwargs={"announce": announce, "stop": stop},
    )  # fmt: skip
    thread.start()
    try:
        assert listens.wait(30)
        port = found[0].split(":")[-1].partition("/")[0]
        config = tmp_path / "prometheus.yml"
        config.write_text(CONFIG.replace("PORT", port))
        source = PrometheusSource(start_prometheus(config).url, timeout=20.0)
        hour = 'busysignal_forecast_expected{load="requests",ahead="1h"}'
        eventually(lambda: source.instant(hour).height == 1, 40)
        expected = source.instant(hour)["value"][0]
        upper = source.instant(hour.replace("expected", "upper"))["value"][0]
        crossing = source.instant('busysignal_forecast_crossing_seconds{bound="upper"}')
        kinds = source.metadata()
        source.close()
    finally:
        stop.set()
        thread.join(10)

    assert 50 <= expected <= 150
    assert expected <= upper <= 200
    assert ["chat"] == crossing["service"].to_list()
    assert 0 <= crossing["value"][0] <= 86_400
    assert "gauge" == kinds["busysignal_forecast_expected"].kind
