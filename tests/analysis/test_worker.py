from __future__ import annotations

import json
import time
from dataclasses import replace

import httpx

from analysis.collect import Sources
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import Alert, Evidence
from analysis.sources import PrometheusSource
from analysis.verdict import Verdict
from analysis.watch import app
from tests.analysis import scenes
from tests.analysis.scenes import Scene
from tests.analysis.watching import (
    SCENE,
    collector,
    document,
    endpoint,
    get,
    post,
    running,
    verdicts,
    wait_until,
    webhook,
)


def test_the_evidence_bundle_is_kept_beside_the_verdict(section):
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        verdict = wait_until(lambda: verdicts(url), 10)[0]

    (folder,) = section.verdicts.iterdir()
    assert json.loads((folder / "verdict.json").read_text()) == verdict
    assert Evidence.load(folder).series.height == SCENE.series.height


def test_evidence_that_cannot_be_written_costs_no_verdict(section, tmp_path, caplog):
    (tmp_path / "verdicts").write_text("in the way")
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook("First"))
        post(f"{url}/alerts", webhook("Second"))

        found = wait_until(lambda: len(verdicts(url)) == 2 and verdicts(url), 10)

    assert all(verdict["abstained"] is False for verdict in found)
    assert "could not be kept" in caplog.text


def test_what_was_accepted_before_a_restart_is_answered_after_it(section):
    def never(alert: Alert) -> Evidence:
        time.sleep(60)
        return collector(alert)

    impatient = section.model_copy(update={"deadline_seconds": 0.2})
    names = [f"Alert{number}" for number in range(5)]
    with running(app(impatient, collector=never)) as url:
        for name in names:
            assert post(f"{url}/alerts", webhook(name)).status_code == 200
    with (
        endpoint() as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        assert post(f"{url}/alerts", webhook(names[2])).json() == {"result": "duplicate"}
        wait_until(lambda: len(pager.received) == len(names), 20)
        time.sleep(0.3)
        told = [document(body)["verdict"]["alert"]["name"] for _, body in pager.received]

    assert sorted(told) == names


def test_a_source_that_hangs_gives_a_verdict_with_the_gap_within_the_deadline(section):
    def hang(path: str, body: bytes) -> tuple[int, bytes]:
        time.sleep(30)
        return 200, b""

    patient = section.model_copy(update={"deadline_seconds": 4.0})
    with endpoint(hang) as prometheus:
        sources = Sources(metrics=PrometheusSource(prometheus.url, timeout=20.0))
        with running(app(patient, AnalysisSection(budget_seconds=30), sources)) as url:
            asked = time.monotonic()
            post(f"{url}/alerts", webhook())
            verdict = wait_until(lambda: verdicts(url), 8)[0]

            assert time.monotonic() - asked < 4.0
            assert verdict["abstained"] is True
            assert verdict["causes"] == []
            gaps = {gap["source"]: gap["gap"] for gap in verdict["data_quality"]}
            assert "did not answer in time" in gaps["prometheus"]


def test_a_flood_loses_nothing_and_answers_each_once(section):
    with running(app(section, collector=collector)) as url, httpx.Client(trust_env=False) as client:
        for number in range(300):
            answer = client.post(f"{url}/alerts", json=webhook(f"Alert{number}"), timeout=30)
            assert answer.status_code == 200
        assert get(f"{url}/-/ready").status_code == 200
        incidents = wait_until(
            lambda: (
                (all(i["state"] == "answered" for i in found) and found)
                if (found := get(f"{url}/incidents").json())
                else None
            ),
            90,
        )

    assert len(incidents) == 300


def test_an_incident_that_breaks_the_diagnosis_does_not_end_the_service(section):
    calls: list[str] = []

    def sometimes(alert: Alert) -> Evidence:
        calls.append(alert.name)
        if len(calls) == 1:
            raise RuntimeError("once")
        return collector(alert)

    with running(app(section, collector=sometimes)) as url:
        post(f"{url}/alerts", webhook("First"))
        post(f"{url}/alerts", webhook("Second"))

        wait_until(lambda: len(verdicts(url)) == 2, 10)


def test_an_incident_that_breaks_it_every_time_is_answered_without_evidence(section):
    def broken(alert: Alert) -> Evidence:
        if alert.name == "Poison":
            raise RuntimeError("always")
        return collector(alert)

    with running(app(section, collector=broken)) as url:
        post(f"{url}/alerts", webhook("Poison"))
        post(f"{url}/alerts", webhook("Sound"))
        poisoned, sound = wait_until(lambda: len(verdicts(url)) == 2 and verdicts(url), 10)

    assert poisoned["abstained"] is True
    assert poisoned["data_quality"] == [
        {"source": "analysis", "gap": "the diagnosis failed 3 times; its log says why"}
    ]
    assert sound["abstained"] is False


def test_a_diagnosis_that_fails_even_without_evidence_is_given_up_and_holds_up_no_other(
    section, monkeypatch
):
    def broken(evidence: Evidence, analysis: AnalysisSection) -> Verdict:
        if evidence.alert.name == "Poison":
            raise RuntimeError("always")
        return diagnose(evidence, analysis)

    monkeypatch.setattr("analysis.watch.worker.diagnose", broken)
    with (
        endpoint() as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook("Poison"))
        post(f"{url}/alerts", webhook("Sound"))
        told = wait_until(lambda: len(pager.received) == 2 and list(pager.received), 30)

    said = {one["alert"]["name"]: one for one in (document(body)["verdict"] for _, body in told)}
    assert said["Poison"]["abstained"] is True
    assert said["Poison"]["data_quality"] == [
        {"source": "analysis", "gap": "the diagnosis failed 3 times; its log says why"}
    ]
    assert said["Sound"]["abstained"] is False


def test_an_alert_that_comes_before_its_evidence_is_looked_at_again(section):
    calls: list[float] = []

    def early(alert: Alert) -> Evidence:
        calls.append(time.monotonic())
        scene = collector(alert) if len(calls) > 2 else Scene(scenes.FELT).evidence()
        return replace(scene, alert=alert)

    with running(app(section, AnalysisSection(time_scale=60), collector=early)) as url:
        post(f"{url}/alerts", webhook())
        verdict = wait_until(lambda: verdicts(url), 10)[0]

    assert verdict["causes"][0]["kind"] == "slow_replica"
    assert len(calls) == 3


def test_an_alert_without_any_evidence_is_answered_before_the_deadline(section):
    hurried = section.model_copy(update={"deadline_seconds": 4.0})

    def nothing(alert: Alert) -> Evidence:
        return replace(Scene(scenes.FELT).evidence(), alert=alert)

    with running(app(hurried, AnalysisSection(time_scale=60), collector=nothing)) as url:
        asked = time.monotonic()
        post(f"{url}/alerts", webhook())
        verdict = wait_until(lambda: verdicts(url), 10)[0]

    assert verdict["abstained"] is True
    assert time.monotonic() - asked < 4.0


def test_a_posted_change_near_the_onset_is_in_the_evidence(section):
    change = {
        "kind": "deploy", "entity": "replica/heron", "before": "1.4", "after": "1.5",
        "ts_ns": scenes.WINDOW.start_ns + 7 * scenes.SECOND,
    }  # fmt: skip
    with running(app(section, collector=collector)) as url:
        assert post(f"{url}/changes", change).json() == {"result": "kept"}
        post(f"{url}/alerts", webhook())
        verdict = wait_until(lambda: verdicts(url), 10)[0]
        texts = [item["text"] for item in verdict["causes"][0]["evidence"]]

    assert "replica heron: deploy 1.4 → 1.5" in texts
