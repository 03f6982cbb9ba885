from __future__ import annotations

import json
import time

import httpx
import pytest

from analysis.evidence import Alert, Evidence
from analysis.watch import app
from exporters.errors import UsageError
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
