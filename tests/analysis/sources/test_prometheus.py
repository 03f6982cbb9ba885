from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from analysis.sources import Gap, PrometheusSource, SourceError
from analysis.sources import prometheus_api as module
from tests.relay import relay
from tests.telemetry_reading import eventually

SECOND = 10**9
ODD = "gave an answer that is not Prometheus's"
LOOK = "look at its load, or raise [prometheus] timeout_seconds"
T0 = 1_795_428_000 * SECOND
CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
"""
RULES = """\
groups:
- name: test
  rules:
  - {alert: Always, expr: vector(1), labels: {severity: page}, annotations: {summary: it is so}}
"""


@pytest.fixture
def prometheus(start_prometheus, tmp_path: Path) -> Iterator[PrometheusSource]:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "prometheus.yml").write_text(CONFIG)
    source = PrometheusSource(start_prometheus(tmp_path / "prometheus.yml").url, timeout=9.5)
    yield source
    source.close()


@pytest.fixture
def at() -> Iterator[Callable[..., PrometheusSource]]:
    made: list[PrometheusSource] = []

    def go(url: str, timeout: float = 0.5) -> PrometheusSource:
        made.append(PrometheusSource(url, timeout))
        return made[-1]

    yield go
    for source in made:
        source.close()


@pytest.mark.servers
def test_a_range_longer_than_prometheus_allows_is_read_in_parts(prometheus):
    frame = prometheus.range("vector(time())", T0, T0 + 25_000 * SECOND, SECOND)

    assert 25_001 == frame.height
    assert [T0 + n * SECOND for n in range(25_001)] == frame["ts_ns"].to_list()
    assert [float(T0 // SECOND + n) for n in range(25_001)] == frame["value"].to_list()


@pytest.mark.servers
def test_labels_become_columns_and_a_missing_one_is_null(prometheus):
    query = (
        'label_replace(vector(1), "a", "x", "", "") or '
        'label_replace(vector(2), "value", "y", "", "") or vector(3)'
    )
    frame = prometheus.range(query, T0, T0 + 500_000_000, 500_000_000)

    assert {
        (T0, 1.0, "x", None), (T0 + 500_000_000, 1.0, "x", None),
        (T0, 2.0, None, "y"), (T0 + 500_000_000, 2.0, None, "y"),
        (T0, 3.0, None, None), (T0 + 500_000_000, 3.0, None, None),
    } == set(frame.select("ts_ns", "value", "a", "label_value").iter_rows())  # fmt: skip


@pytest.mark.servers
def test_instants_are_read_as_vector_scalar_or_nothing(prometheus):
    assert [(T0, 7.0)] == prometheus.instant("7", T0).rows()
    assert [(T0, 7.0)] == prometheus.instant("vector(7)", T0).rows()
    assert ["ts_ns", "value"] == prometheus.instant("no_such_series", T0).columns
    assert math.isnan(prometheus.instant("0/0", T0)["value"][0])
    assert math.inf == prometheus.instant("1/0")["value"][0]


@pytest.mark.servers
def test_active_alerts_are_listed(prometheus):
    eventually(lambda: bool(prometheus.alerts()), 20)
    (alert,) = prometheus.alerts()

    assert ({"alertname": "Always", "severity": "page"}, {"summary": "it is so"}, "firing") == (
        alert.labels, alert.annotations, alert.state,
    )  # fmt: skip
    assert alert.active_at_ns > T0 - 10**18


@pytest.mark.servers
def test_a_query_that_prometheus_refuses_is_told_in_its_words(prometheus):
    with pytest.raises(SourceError) as error:
        prometheus.instant("rate(")

    assert str(error.value).startswith(f"Prometheus at {prometheus.url} refused: ")
    assert "parse error" in str(error.value)
    assert 400 == error.value.status


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("429", "is too busy (HTTP 429); ask for less, or later"),
        ("503", "is too busy (HTTP 503); ask for less, or later"),
        ("garbage", f"{ODD} (it begins with b'<html>It works!</html>'); correct [prometheus] url"),
        ("hang", f"did not answer within 0.5 s; {LOOK}"),
        ("drip", f"did not answer within 0.5 s; {LOOK}"),
    ],
)
def test_a_server_that_will_not_answer_is_one_clear_error(mode, message, at):
    with relay(mode=mode) as weather:
        with pytest.raises(SourceError) as error:
            at(weather.url).instant("up")

        assert f"Prometheus at {weather.url} {message}" == str(error.value)
        assert len(weather.requests) <= 4


def test_a_server_that_is_not_there_is_named(at):
    with relay() as gone:
        url = gone.url
    with pytest.raises(SourceError) as error:
        at(url).range("up", T0, T0 + SECOND, SECOND)

    assert (
        f"Prometheus at {url} cannot be reached ([Errno 111] Connection refused); "
        "start it, or correct [prometheus] url"
    ) == str(error.value)


def test_warnings_are_gaps(at):
    answer = {
        "status": "success",
        "warnings": ["store-2 did not answer"],
        "data": {"resultType": "vector", "result": []},
    }
    with relay(mode="fixed", body=orjson.dumps(answer)) as weather:
        source = at(weather.url)
        source.instant("up")

    assert [Gap("prometheus", "the answer is partial: store-2 did not answer")] == source.gaps


def test_native_histograms_are_left_out_and_it_is_said(at):
    result = [{"metric": {"a": "b"}, "histogram": [1, {}]}, {"metric": {}, "value": [1.5, "2"]}]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    with relay(mode="fixed", body=orjson.dumps(answer)) as weather:
        source = at(weather.url)

        assert [(1_500_000_000, 2.0, None)] == source.instant("up").rows()
    assert [Gap("prometheus", "native histograms left out: up")] == source.gaps


@pytest.mark.parametrize("data", [None, [], {"result": 5}, {"resultType": "vector", "result": [1]}])
def test_json_that_is_no_answer_is_named(data, at):
    answer = orjson.dumps({"status": "success", "data": data})
    with relay(mode="fixed", body=answer) as weather, pytest.raises(SourceError) as error:
        at(weather.url).instant("up")
    assert ODD in str(error.value)


def test_an_answer_without_end_is_cut_off(at, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 5)
    with relay(mode="garbage") as weather, pytest.raises(SourceError) as error:
        at(weather.url).instant("up")
    assert "more than 5 bytes" in str(error.value)


def test_a_range_that_is_none_is_a_mistake_of_the_caller(at):
    with pytest.raises(ValueError, match="no range"):
        at("http://127.0.0.1:1").range("up", T0, T0 - 1, SECOND)
