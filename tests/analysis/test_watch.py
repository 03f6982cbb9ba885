from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import httpx
import pytest

from analysis.collect import Sources
from analysis.config import AnalysisSection, WatchSection
from analysis.evidence import Alert, Evidence
from analysis.sources import PrometheusSource
from analysis.watch import app, outbox
from analysis.watch.ledger import Ledger
from exporters.errors import UsageError
from tests.analysis import scenes
from tests.analysis.scenes import Scene
from tests.analysis.watching import document, endpoint, running, wait_until, webhook

SCENE = Scene(scenes.slow_replica()).evidence()


def collector(alert: Alert) -> Evidence:
    return replace(SCENE, alert=alert)


@pytest.fixture
def section(tmp_path):
    return WatchSection(database=tmp_path / "watch.sqlite", verdicts=tmp_path / "verdicts")


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def post(url: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(url, json=body, headers=headers, timeout=10, trust_env=False)


def verdicts(url: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = get(f"{url}/verdicts").json()
    return found


def test_an_alert_is_answered_with_a_verdict_on_the_page(section):
    with (
        endpoint() as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url + "/page"}), collector=collector)
        ) as url,
    ):
        assert post(f"{url}/alerts", webhook()).json() == {"result": "new"}
        path, body = wait_until(lambda: pager.received, 10)[0]
        page = document(body)

        assert path == "/page"
        assert page["title"] == "service chat: slow replica at replica heron"
        assert page["text"].startswith(page["title"])
        assert page["verdict"]["causes"][0]["kind"] == "slow_replica"
        assert page["verdict"]["alert"]["name"] == "LatencyBudgetBurn"
        assert get(f"{url}/verdicts/{page['verdict']['id']}").json() == page["verdict"]


def test_the_evidence_bundle_is_kept_beside_the_verdict(section):
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        verdict = wait_until(lambda: verdicts(url), 10)[0]

    (folder,) = section.verdicts.iterdir()
    assert json.loads((folder / "verdict.json").read_text()) == verdict
    assert Evidence.load(folder).series.height == SCENE.series.height


def test_grafana_gets_an_annotation_tagged_with_the_cause(section):
    with (
        endpoint() as grafana,
        running(
            app(section.model_copy(update={"grafana_url": grafana.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook())
        path, body = wait_until(lambda: grafana.received, 10)[0]
        annotation = document(body)

    assert path == "/api/annotations"
    assert annotation["tags"] == ["busysignal", "verdict", "cause:slow_replica"]
    assert annotation["time"] <= annotation["timeEnd"]


def test_metrics_tell_the_open_cause_until_it_is_resolved(section):
    info = 'cause="slow_replica",entity="replica/heron"} 1'
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        wait_until(lambda: info in get(f"{url}/metrics").text, 10)
        text = get(f"{url}/metrics").text
        assert 'busysignal_verdicts_total{result="named"} 1' in text
        assert "busysignal_verdict_backlog 0" in text

        assert post(f"{url}/alerts", webhook(status="resolved")).json() == {"result": "resolved"}
        assert info not in get(f"{url}/metrics").text


def test_people_are_told_once_more_when_it_is_over(section):
    with (
        endpoint() as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook())
        wait_until(lambda: len(pager.received) == 1, 10)
        wait_until(lambda: get(f"{url}/incidents").json()[0]["published"], 10)
        post(f"{url}/alerts", webhook(status="resolved"))
        wait_until(lambda: len(pager.received) == 2, 10)
        pages = [document(body) for _, body in pager.received]

    assert [page["status"] for page in pages] == ["firing", "resolved"]
    assert pages[0]["verdict"] == pages[1]["verdict"]


def test_the_same_group_again_is_a_duplicate(section):
    with running(app(section, collector=collector)) as url:
        results = [post(f"{url}/alerts", webhook()).json()["result"] for _ in range(3)]
        wait_until(lambda: verdicts(url), 10)
        time.sleep(0.3)

        assert results == ["new", "duplicate", "duplicate"]
        assert len(verdicts(url)) == 1


def test_the_same_group_with_a_new_start_is_a_new_incident(section):
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        later = post(f"{url}/alerts", webhook(starts="2026-11-23T13:00:00Z"))

        assert later.json() == {"result": "new"}
        wait_until(lambda: len(verdicts(url)) == 2, 10)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "Invalid JSON", id="empty"),
        pytest.param(b"{", "Invalid JSON", id="cut off"),
        pytest.param(b"[]", "Input should be an object", id="no object"),
        pytest.param(b'{"version":"3"}', "version: Input should be '4'", id="old version"),
        pytest.param(
            json.dumps({**webhook(), "alerts": []}).encode(),
            "alerts: List should have at least 1 item",
            id="no alerts",
        ),
        pytest.param(
            json.dumps(webhook(starts="yesterday")).encode(),
            "alerts.0.startsAt: Input should be a valid datetime",
            id="no time",
        ),
        pytest.param(b"\xff\xfe\x00", "Invalid JSON", id="no text"),
    ],
)
def test_a_malformed_webhook_is_refused_in_one_line(section, body, says):
    with running(app(section, collector=collector)) as url:
        answer = httpx.post(f"{url}/alerts", content=body, trust_env=False)

        assert answer.status_code == 400
        assert answer.text.startswith("not an Alertmanager webhook of version 4: ")
        assert says in answer.text
        assert answer.text.count("\n") == 1
        assert get(f"{url}/incidents").json() == []


def test_a_body_without_end_is_refused(section):
    small = section.model_copy(update={"body_limit_bytes": 2000})
    with running(app(small, collector=collector)) as url:
        answer = post(f"{url}/alerts", {"x": "y" * 5000})

        assert (answer.status_code, answer.text) == (413, "more than 2000 bytes\n")


def test_a_token_is_asked_for_when_one_is_configured(section, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    guarded = section.model_copy(update={"bearer_token_file": token})
    with running(app(guarded, collector=collector)) as url:
        assert post(f"{url}/alerts", webhook()).status_code == 401
        assert post(f"{url}/alerts", webhook(), authorization="Bearer wrong").status_code == 401
        assert post(f"{url}/changes", {}).status_code == 401
        assert post(f"{url}/alerts", webhook(), authorization="Bearer s3cret").status_code == 200


def test_a_token_file_that_is_not_there_is_a_usage_error(section, tmp_path):
    guarded = section.model_copy(update={"bearer_token_file": tmp_path / "none"})

    with pytest.raises(UsageError, match="cannot be read: No such file or directory; name a file"):
        app(guarded, collector=collector)


def test_a_database_that_cannot_be_opened_is_a_usage_error(section, tmp_path):
    (tmp_path / "folder").mkdir()

    with pytest.raises(UsageError, match="cannot be used: unable to open database file"):
        app(section.model_copy(update={"database": tmp_path / "folder"}), collector=collector)


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


def test_a_verdict_that_was_not_sent_before_a_restart_is_sent_after_it(section):
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        wait_until(lambda: verdicts(url), 10)
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(section.database) as db:
        db.execute("UPDATE incidents SET published = 0")
    db.close()
    with (
        endpoint() as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        wait_until(lambda: len(pager.received) == 1, 10)
        assert len(verdicts(url)) == 1


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


def test_a_pager_that_was_away_for_seconds_still_gets_the_page_once(section):
    away_until = time.monotonic() + 1.5

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        return (200 if time.monotonic() > away_until else 503), b""

    def delivered() -> bool:
        return bool(get(f"{url}/incidents").json()[0]["published"])

    with (
        endpoint(answer) as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook())
        wait_until(lambda: pager.received, 10)
        assert not delivered()
        wait_until(delivered, 10)
        told = len(pager.received)
        time.sleep(1.2)

        assert 2 < told == len(pager.received) < 8
        assert 'pages_total{result="sent"} 1' in get(f"{url}/metrics").text


def test_a_pager_that_hangs_holds_up_no_verdict(section):
    released = threading.Event()

    def hang(path: str, body: bytes) -> tuple[int, bytes]:
        released.wait(30)
        return 200, b""

    with (
        endpoint(hang) as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        for number in range(3):
            post(f"{url}/alerts", webhook(f"Alert{number}"))
        wait_until(lambda: pager.received, 10)

        wait_until(lambda: len(verdicts(url)) == 3, 2.5)
        released.set()


def test_one_page_that_is_refused_keeps_no_other_back(section):
    def picky(path: str, body: bytes) -> tuple[int, bytes]:
        return (400 if b'"Refused"' in body else 200), b""

    with (
        endpoint(picky) as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook("Refused"))
        post(f"{url}/alerts", webhook("Welcome"))
        wait_until(lambda: any(i["published"] for i in get(f"{url}/incidents").json()), 10)
        known = {i["alert"]["name"]: i["published"] for i in get(f"{url}/incidents").json()}

    assert known == {"Refused": False, "Welcome": True}


def test_a_page_nobody_takes_is_given_up_when_it_is_old(section, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "GIVE_UP_SECONDS", 0.5)
    away = section.model_copy(update={"pager_url": "http://127.0.0.1:9/page"})
    with running(app(away, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        wait_until(lambda: verdicts(url), 10)
        wait_until(lambda: get(f"{url}/incidents").json()[0]["published"], 10)

    assert "a page could not be delivered: ConnectError" in caplog.text
    assert f"the page of {Ledger(section.database).incidents()[0].verdict_id} is given up" in (
        caplog.text
    )


def test_the_end_of_an_incident_is_told_even_while_its_page_is_on_the_way(section):
    held = threading.Event()

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        held.wait(2)
        return 200, b""

    with (
        endpoint(answer) as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook())
        wait_until(lambda: pager.received, 10)
        post(f"{url}/alerts", webhook(status="resolved"))
        held.set()
        wait_until(lambda: len(pager.received) == 2, 10)

    assert [document(body)["status"] for _, body in pager.received] == ["firing", "resolved"]


def test_grafana_is_told_once_and_not_again_when_it_is_over(section, caplog):
    def busy_once(path: str, body: bytes) -> tuple[int, bytes]:
        return (503 if len(grafana.received) == 1 else 200), b""

    with (
        endpoint(busy_once) as grafana,
        endpoint() as pager,
        running(
            app(
                section.model_copy(update={"grafana_url": grafana.url, "pager_url": pager.url}),
                collector=collector,
            )
        ) as url,
    ):
        post(f"{url}/alerts", webhook())
        wait_until(lambda: len(grafana.received) == 2, 10)
        wait_until(lambda: get(f"{url}/incidents").json()[0]["published"], 10)
        post(f"{url}/alerts", webhook(status="resolved"))
        wait_until(lambda: len(pager.received) == 2, 10)
        time.sleep(0.3)

        assert len(grafana.received) == 2
    assert "an annotation could not be delivered: HTTPStatusError" in caplog.text


def test_evidence_that_cannot_be_written_costs_no_verdict(section, tmp_path, caplog):
    (tmp_path / "verdicts").write_text("in the way")
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook("First"))
        post(f"{url}/alerts", webhook("Second"))

        found = wait_until(lambda: len(verdicts(url)) == 2 and verdicts(url), 10)

    assert all(verdict["abstained"] is False for verdict in found)
    assert "could not be kept" in caplog.text


def test_a_pager_that_is_away_costs_no_verdict(section):
    away = section.model_copy(update={"pager_url": "http://127.0.0.1:9/page"})
    with running(app(away, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        wait_until(lambda: verdicts(url), 10)
        wait_until(lambda: 'pages_total{result="failed"} 1' in get(f"{url}/metrics").text, 10)


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


def test_past_the_limit_alertmanager_is_asked_to_send_again(section):
    def slow(alert: Alert) -> Evidence:
        time.sleep(0.3)
        return collector(alert)

    narrow = section.model_copy(update={"backlog_limit": 2})
    with running(app(narrow, collector=slow)) as url:
        answers = [post(f"{url}/alerts", webhook(f"Alert{number}")) for number in range(5)]
        refused = [answer for answer in answers if answer.status_code == 503]

        assert refused
        assert refused[0].headers["retry-after"] == "5"
        wait_until(lambda: post(f"{url}/alerts", webhook("Alert4")).status_code == 200, 10)


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


def test_a_malformed_change_is_refused_in_one_line(section):
    with running(app(section, collector=collector)) as url:
        answer = post(f"{url}/changes", {"kind": "magic", "entity": "x"})

        assert answer.status_code == 400
        assert answer.text.startswith("not a change: kind: Input should be 'deploy', ")


def test_an_unknown_verdict_says_where_to_look(section):
    with running(app(section, collector=collector)) as url:
        answer = get(f"{url}/verdicts/v-0")

    assert (answer.status_code, answer.text) == (404, "no verdict v-0; GET /verdicts lists them\n")


def test_it_says_that_it_is_well(section):
    with running(app(section, collector=collector)) as url:
        assert get(f"{url}/-/healthy").text == "healthy\n"
        assert get(f"{url}/-/ready").text == "ready\n"
