from __future__ import annotations

import sqlite3
import threading
import time

from analysis.watch import app, outbox, senders
from analysis.watch.ledger import Ledger
from tests.analysis.watching import (
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


def test_a_verdict_that_was_not_sent_before_a_restart_is_sent_after_it(section):
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        wait_until(lambda: verdicts(url), 10)
    with sqlite3.connect(section.database) as db:
        db.execute("INSERT INTO deliveries SELECT key, 'pager', 'firing', 0, 1 FROM incidents")
    db.close()
    with (
        endpoint() as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        wait_until(lambda: len(pager.received) == 1, 10)
        assert len(verdicts(url)) == 1


def test_a_pager_that_is_away_costs_no_verdict(section):
    away = section.model_copy(update={"pager_url": "http://127.0.0.1:9/page"})
    with running(app(away, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        wait_until(lambda: verdicts(url), 10)
        wait_until(lambda: 'pages_total{result="failed"} 1' in get(f"{url}/metrics").text, 10)


def test_a_pager_that_was_away_for_seconds_still_gets_the_page_once(section):
    asked: list[str] = []

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        asked.append(path)
        return (503 if len(asked) < 3 else 200), b""

    def delivered() -> bool:
        return bool(get(f"{url}/incidents").json()[0]["published"])

    with (
        endpoint(answer) as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        post(f"{url}/alerts", webhook())
        wait_until(delivered, 30)
        time.sleep(1.2)

        assert len(pager.received) == 3
        assert 'pages_total{result="sent"} 1' in get(f"{url}/metrics").text


def test_a_pager_that_hangs_holds_up_no_verdict(section, monkeypatch):
    monkeypatch.setattr(senders, "TIMEOUT_SECONDS", 60)
    released = threading.Event()

    def hang(path: str, body: bytes) -> tuple[int, bytes]:
        released.wait(60)
        return 200, b""

    with (
        endpoint(hang) as pager,
        running(
            app(section.model_copy(update={"pager_url": pager.url}), collector=collector)
        ) as url,
    ):
        for number in range(3):
            post(f"{url}/alerts", webhook(f"Alert{number}"))
        try:
            wait_until(lambda: len(verdicts(url)) == 3, 30)
            wait_until(lambda: pager.received, 30)
        finally:
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
    ledger = Ledger(section.database)
    key = ledger.incidents()[0].key
    ledger.close()
    assert f"firing of incident {key} to pager is given up" in caplog.text


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


def test_grafana_has_one_annotation_that_ends_with_the_incident(section, caplog, tmp_path):
    asked: list[str] = []

    def busy_once(path: str, body: bytes) -> tuple[int, bytes]:
        asked.append(path)
        return (503, b"") if len(asked) == 1 else (200, b'{"message":"Annotation added","id":42}')

    (tmp_path / "token").write_text("glsa_secret\n")
    with endpoint(busy_once) as grafana:
        told = section.model_copy(
            update={"grafana_url": grafana.url, "grafana_token_file": tmp_path / "token"}
        )
        with running(app(told, collector=collector)) as url:
            post(f"{url}/alerts", webhook())
            wait_until(lambda: len(grafana.received) == 2, 10)
            wait_until(lambda: get(f"{url}/incidents").json()[0]["published"], 10)
            post(f"{url}/alerts", webhook(status="resolved"))
            wait_until(lambda: len(grafana.received) == 3, 10)
            wait_until(lambda: get(f"{url}/incidents").json()[0]["published"], 10)
            (over,) = get(f"{url}/incidents").json()
        made, drawn = document(grafana.received[1][1]), document(grafana.received[2][1])

    assert [path for path, _ in grafana.received] == [
        "/api/annotations", "/api/annotations", "/api/annotations/42",
    ]  # fmt: skip
    assert grafana.methods == ["POST", "POST", "PATCH"]
    assert grafana.headers[-1]["Authorization"] == "Bearer glsa_secret"
    assert made["time"] == drawn["time"] < made["timeEnd"]
    assert drawn["timeEnd"] == over["resolved_ns"] // 1_000_000
    assert "an annotation could not be delivered: HTTPStatusError" in caplog.text


def test_a_pager_that_wants_a_token_is_shown_it(section, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    with endpoint() as pager:
        told = section.model_copy(
            update={"pager_url": pager.url, "pager_token_file": tmp_path / "token"}
        )
        with running(app(told, collector=collector)) as url:
            post(f"{url}/alerts", webhook())
            wait_until(lambda: pager.received, 10)

    assert pager.headers[-1]["Authorization"] == "Bearer secret"


def test_a_receiver_that_hangs_holds_up_no_other(section):
    released = threading.Event()

    def hang(path: str, body: bytes) -> tuple[int, bytes]:
        released.wait(30)
        return 200, b""

    with endpoint(hang) as grafana, endpoint() as pager:
        both = section.model_copy(update={"grafana_url": grafana.url, "pager_url": pager.url})
        with running(app(both, collector=collector)) as url:
            for number in range(3):
                post(f"{url}/alerts", webhook(f"Alert{number}"))
            wait_until(lambda: grafana.received, 20)
            wait_until(lambda: len(pager.received) == 3, 20)
            told = get(f"{url}/metrics").text
            released.set()

    assert 'busysignal_deliveries_total{receiver="pager",result="sent"} 3' in told
