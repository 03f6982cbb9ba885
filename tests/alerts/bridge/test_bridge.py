from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager

import httpx
import pytest

from alerts.bridge import courier
from alerts.bridge.app import app
from alerts.bridge.config import BridgeSection
from alerts.teams import NotifySection
from exporters.errors import UsageError
from tests.alerts.bridge.chats import SECRET, chats
from tests.running import running


@pytest.fixture
def town():
    with chats() as made:
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(courier, "FIRST_PAUSE", 0.01)


def receivers(town, folder):
    def secret(name, text):
        path = folder / name
        path.write_text(f"{text}\n", encoding="utf-8")
        return str(path)

    key = secret("key", SECRET)

    def address(name, query=""):
        return {"url_file": secret(name, f"{town.url}/{name}{query}")}

    return {
        "ding": {"kind": "dingtalk", **address("dingtalk", "?access_token=t"), "secret_file": key,
                 "language": "zh"},
        "feishu": {"kind": "feishu", **address("feishu"), "secret_file": key, "language": "zh"},
        "robot": {"kind": "wecom_robot", **address("robot", "?key=k"), "language": "zh"},
        "wecom": {"kind": "wecom", "api_url": f"{town.url}/wecom/", "corp_id": "corp",
                  "agent_id": "1000002", "api_secret_file": key, "language": "zh"},
        "teams": {"kind": "teams", **address("teams")},
        "telegram": {"kind": "telegram", "api_url": f"{town.url}/telegram", "chat_id": -100,
                     "bot_token_file": key},
        "slack": {"kind": "slack", **address("slack"), "channel": "#oncall"},
        "duty": {"kind": "pagerduty", "routing_key_file": key, "url": f"{town.url}/duty"},
        "genie": {"kind": "opsgenie", "api_key_file": key, "api_url": f"{town.url}/genie"},
        "hook": {"kind": "webhook", "url": f"{town.url}/hook", "token_file": key},
    }  # fmt: skip


@contextmanager
def bridge(town, folder, *, notify=None, **section):
    made = {"receivers": receivers(town, folder), **(notify or {})}
    settings = BridgeSection(database=folder / "bridge.sqlite", **section)
    built = app(settings, NotifySection.model_validate(made))
    with running(built) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def group(status="firing", count=1, key="{}:{service='chat'}"):
    alerts = [
        {
            "status": status,
            "labels": {"alertname": "QueueDeep", "severity": "page", "service": "chat",
                       "replica": f"r{number}"},
            "annotations": {
                "summary": "Requests pile up in a queue.",
                "summary_zh": "请求排队积压。",
                "description": f"120 requests wait at r{number} of chat; 100 is the limit.",
                "description_zh": f"chat 的r{number}有 120 个请求在排队，上限 100。",
                "runbook_url": "https://books/QueueDeep.md",
                "runbook_url_zh": "https://books/zh/QueueDeep.md",
                "dashboard_url": "https://grafana/d/x?var-service=chat",
            },
            "startsAt": "2026-11-23T12:00:00Z",
        }
        for number in range(count)
    ]  # fmt: skip
    return {"version": "4", "groupKey": key, "status": status, "alerts": alerts,
            "groupLabels": {"service": "chat"}}  # fmt: skip


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def told(town, path):
    until(lambda: any(at.startswith(f"/{path}") for at, _ in town.told))
    return next(body for at, body in town.told if at.startswith(f"/{path}"))


def metric(client, name):
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_dingtalk_takes_a_signed_markdown_message(town, tmp_path):
    with bridge(town, tmp_path) as client:
        assert client.post("/alerts/ding", json=group()).json() == {"ding": "queued"}
        said = told(town, "dingtalk")

    assert said == {
        "msgtype": "markdown",
        "markdown": {
            "title": "[告警] chat: 请求排队积压。",
            "text": (
                "### [告警] chat: 请求排队积压。\n\n"
                "chat 的r0有 120 个请求在排队，上限 100。\n\n"
                "[看板](https://grafana/d/x?var-service=chat) · "
                "[手册](https://books/zh/QueueDeep.md)"
            ),
        },
    }


def test_feishu_takes_a_signed_card_that_turns_green_at_the_end(town, tmp_path):
    with bridge(town, tmp_path) as client:
        client.post("/alerts/feishu", json=group())
        card = told(town, "feishu")["card"]
        town.told.clear()
        client.post("/alerts/feishu", json=group("resolved"))
        ended = told(town, "feishu")["card"]

    assert card["header"] == {
        "title": {"tag": "plain_text", "content": "[告警] chat: 请求排队积压。"},
        "template": "red",
    }
    assert ended["header"]["template"] == "green"
    assert ended["header"]["title"]["content"] == "[恢复] chat: 请求排队积压。"


@pytest.mark.parametrize("name", ["ding", "feishu"])
def test_a_wrong_secret_is_not_taken_and_told_on_a_metric(town, tmp_path, name):
    made = receivers(town, tmp_path)
    (tmp_path / "wrong").write_text("SEC-of-somebody-else", encoding="utf-8")
    made[name]["secret_file"] = str(tmp_path / "wrong")
    with bridge(town, tmp_path, notify={"receivers": made}) as client:
        client.post(f"/alerts/{name}", json=group())
        failed = f'busysignal_bridge_deliveries_total{{receiver="{name}",result="failed"}}'
        until(lambda: metric(client, failed) >= 2)

        assert metric(client, f'busysignal_bridge_waiting{{receiver="{name}"}}') == 1

    assert town.told == []


def test_every_other_receiver_takes_its_message(town, tmp_path):
    names = ("robot", "wecom", "teams", "telegram", "slack", "duty", "genie", "hook")
    with bridge(town, tmp_path) as client:
        for name in names:
            assert client.post(f"/alerts/{name}", json=group()).status_code == 200
        until(lambda: len(town.told) == len(names))

    said = {path.split("/")[1]: body for path, body in town.told}
    assert said["robot"]["markdown"]["content"].startswith("### [告警] chat: 请求排队积压。")
    assert said["wecom"]["text"]["content"].startswith("[告警] chat: 请求排队积压。\nchat 的r0")
    assert said["telegram"]["chat_id"] == -100
    assert said["slack"]["blocks"][0]["text"]["text"] == (
        "[firing] chat: Requests pile up in a queue."
    )
    assert said["teams"]["attachments"][0]["content"]["actions"][0]["title"] == "Dashboard"
    assert said["duty"]["event_action"] == "trigger"
    assert said["duty"]["payload"]["severity"] == "critical"
    assert said["genie"]["alias"] == said["duty"]["dedup_key"] == said["hook"]["key"]


def test_pagers_end_the_incident_that_they_began(town, tmp_path):
    with bridge(town, tmp_path) as client:
        for status, wanted in (("firing", 2), ("resolved", 4)):
            for name in ("duty", "genie"):
                client.post(f"/alerts/{name}", json=group(status))
            until(lambda wanted=wanted: len(town.told) == wanted)

    events = [body for path, body in town.told if path == "/duty"]
    paths = [path for path, _ in town.told if path.startswith("/genie")]
    key = events[0]["dedup_key"]
    assert [(one["event_action"], one["dedup_key"]) for one in events] == [
        ("trigger", key),
        ("resolve", key),
    ]
    assert paths == ["/genie/v2/alerts", f"/genie/v2/alerts/{key}/close"]


def test_a_wecom_application_fetches_one_token_and_a_new_one_when_it_is_over(town, tmp_path):
    with bridge(town, tmp_path) as client:
        client.post("/alerts/wecom", json=group(key="a"))
        until(lambda: len(town.told) == 1)
        client.post("/alerts/wecom", json=group(key="b"))
        until(lambda: len(town.told) == 2)
        assert town.tokens == 1
        town.script.append((200, {"errcode": 42001, "errmsg": "access_token expired"}, {}))
        client.post("/alerts/wecom", json=group(key="c"))
        until(lambda: len(town.told) == 3)

    assert town.tokens == 2


def test_what_fails_is_tried_until_it_is_taken(town, tmp_path):
    town.script += [(500, {}, {}), (200, {"errcode": -1, "errmsg": "busy"}, {}), (502, {}, {})]
    with bridge(town, tmp_path) as client:
        client.post("/alerts/ding", json=group())
        told(town, "dingtalk")
        done = 'busysignal_bridge_deliveries_total{receiver="ding",result="told"}'
        until(lambda: metric(client, done) == 1)

    assert len(town.told) == 1


def test_a_robot_that_is_asked_too_fast_is_left_alone_for_a_minute(town, tmp_path):
    town.script.append((200, {"errcode": 130101, "errmsg": "send too fast"}, {}))
    with bridge(town, tmp_path) as client:
        client.post("/alerts/ding", json=group())
        failed = 'busysignal_bridge_deliveries_total{receiver="ding",result="failed"}'
        until(lambda: metric(client, failed) == 1)
        time.sleep(0.3)

        assert metric(client, failed) == 1
        assert metric(client, 'busysignal_bridge_waiting{receiver="ding"}') == 1


def test_what_waits_survives_a_restart(town, tmp_path):
    town.script += [(503, {}, {"Retry-After": "1"})]
    with bridge(town, tmp_path) as client:
        client.post("/alerts/ding", json=group())
        until(lambda: not town.script)
    assert town.told == []

    with bridge(town, tmp_path):
        told(town, "dingtalk")

    assert len(town.told) == 1


def test_the_same_message_twice_is_told_once(town, tmp_path):
    with bridge(town, tmp_path) as client:
        results = [client.post("/alerts/ding", json=group()).json()["ding"] for _ in range(3)]
        told(town, "dingtalk")
        results.append(client.post("/alerts/ding", json=group()).json()["ding"])
        time.sleep(0.1)

    assert results == ["queued", "duplicate", "duplicate", "duplicate"]
    assert len(town.told) == 1


def test_a_reminder_after_a_while_is_told_again(town, tmp_path):
    with bridge(town, tmp_path, repeat_seconds=0.05) as client:
        client.post("/alerts/ding", json=group())
        told(town, "dingtalk")
        time.sleep(0.1)
        assert client.post("/alerts/ding", json=group()).json() == {"ding": "queued"}
        until(lambda: len(town.told) == 2)


def test_while_a_receiver_is_away_an_incident_waits_as_one_message_its_latest(town, tmp_path):
    town.script += [(503, {}, {"Retry-After": "1"})]
    with bridge(town, tmp_path) as client:
        client.post("/alerts/ding", json=group())
        until(lambda: not town.script)
        client.post("/alerts/ding", json=group(count=2))
        client.post("/alerts/ding", json=group("resolved", count=2))
        told(town, "dingtalk")
        time.sleep(0.1)

    [(_, said)] = town.told
    assert said["markdown"]["title"] == "[恢复] chat: 请求排队积压。（另有 1 条）"


def test_a_full_queue_asks_the_sender_to_come_back_and_loses_nothing(town, tmp_path):
    town.script += [(503, {}, {"Retry-After": "1"})]
    with bridge(town, tmp_path, queue_limit=1) as client:
        client.post("/alerts/ding", json=group(key="a"))
        until(lambda: not town.script)
        refused = client.post("/alerts/ding", json=group(key="b"))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert client.post("/alerts/ding", json=group("resolved", key="a")).status_code == 200
        until(lambda: len(town.told) == 1)
        assert client.post("/alerts/ding", json=group(key="b")).status_code == 200
        until(lambda: len(town.told) == 2)


def test_one_dead_receiver_keeps_no_other_waiting(town, tmp_path):
    dead = {"kind": "webhook", "url": "http://127.0.0.1:9/"}
    notify = {"receivers": {**receivers(town, tmp_path), "dead": dead}}
    with bridge(town, tmp_path, notify=notify) as client:
        client.post("/alerts/dead", json=group())
        client.post("/alerts/ding", json=group())
        told(town, "dingtalk")


def page(service="chat"):
    text = "chat: slow replica at replica r1\nCause (91 %): it is slow.\n\nVerdict v-1\n   more\n"
    chinese = "chat：副本 r1 变慢\n原因（91 %）：它变慢了。\n\n诊断 v-1\n"
    return {
        "status": "firing", "incident": "i-1", "service": service, "links": {"Dashboard": "https://g/"},
        "pages": {"en": {"title": "chat: slow replica at replica r1", "text": text},
                  "zh": {"title": "chat：副本 r1 变慢", "text": chinese}},
    }  # fmt: skip


def test_a_verdicts_page_goes_to_its_services_team_in_each_ones_language(town, tmp_path):
    teams = {"chat": {"services": ["chat"], "page": ["ding", "slack"]}, "rest": {"page": ["hook"]}}
    with bridge(town, tmp_path, notify={"teams": teams}) as client:
        assert client.post("/pages", json=page()).json() == {"ding": "queued", "slack": "queued"}
        assert client.post("/pages", json=page("other")).json() == {"hook": "queued"}
        chinese, english, plain = (told(town, name) for name in ("dingtalk", "slack", "hook"))

    assert chinese["markdown"]["text"].startswith(
        "### [告警] chat：副本 r1 变慢\n\n原因（91 %）：它变慢了。\n\n"
        "[Dashboard](https://g/)\n\n诊断 v-1"
    )
    assert english["blocks"][1]["text"]["text"] == (
        "Cause (91 %): it is slow.\nDashboard: https://g/\n\nVerdict v-1\n   more"
    )
    assert plain["details"] == "Verdict v-1\n   more"


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/alerts/nobody", group(), 404, "no receiver 'nobody'; known: ding, feishu"),
        ("/alerts/ding", {"version": "3"}, 400, "not an Alertmanager webhook of version 4: "),
        ("/pages", {"status": "firing"}, 400, "not a page of busysignal watch: incident: "),
        ("/alerts/ding", {"x": "y" * 2000}, 413, "more than 1000 bytes"),
    ],
)
def test_what_it_cannot_take_is_refused_in_one_line(town, tmp_path, path, body, status, told):
    limit = 1000 if status == 413 else 100_000
    with bridge(town, tmp_path, body_limit_bytes=limit) as client:
        answer = client.post(path, json=body)

    assert answer.status_code == status
    assert answer.text.startswith(told)
    assert answer.text.count("\n") == 1


def test_only_who_knows_the_token_is_heard(town, tmp_path):
    (tmp_path / "token").write_text("t0ken", encoding="utf-8")
    notify = {"bridge_token_file": str(tmp_path / "token")}
    with bridge(town, tmp_path, notify=notify) as client:
        assert client.post("/alerts/ding", json=group()).status_code == 401
        allowed = {"Authorization": "Bearer t0ken"}
        assert client.post("/alerts/ding", json=group(), headers=allowed).status_code == 200


def test_a_receiver_without_its_secret_is_refused_at_the_start(town, tmp_path):
    made = receivers(town, tmp_path)
    (tmp_path / "dingtalk").unlink()
    section = BridgeSection(database=tmp_path / "bridge.sqlite")

    with pytest.raises(UsageError) as refused:
        app(section, NotifySection.model_validate({"receivers": made}))

    assert str(refused.value) == (
        f"[rules.notify.receivers.ding] url_file = '{tmp_path}/dingtalk' cannot be read: "
        "No such file or directory; name a file that holds the secret"
    )


def test_no_secret_reaches_a_log(town, tmp_path, caplog):
    town.script += [(500, {}, {})]
    caplog.set_level(logging.INFO)
    with bridge(town, tmp_path) as client:
        for name in ("ding", "telegram", "wecom"):
            client.post(f"/alerts/{name}", json=group())
        until(lambda: len(town.told) == 3)

    assert "was not told of" in caplog.text
    for secret in (SECRET, "access_token", "sign="):
        assert secret not in caplog.text


def test_a_tag_or_link_in_a_label_does_not_come_alive(town, tmp_path):
    sly = group()
    sly["alerts"][0]["annotations"]["description_zh"] = '<at user_id="all"></at> [x](http://evil/)'
    with bridge(town, tmp_path) as client:
        client.post("/alerts/feishu", json=sly)
        text = told(town, "feishu")["card"]["elements"][0]["content"]

    assert "<at" not in text
    assert "](http://evil" not in text


def test_long_messages_fit_their_service(town, tmp_path):
    long = group(count=200)
    for alert in long["alerts"]:
        alert["annotations"]["description_zh"] = "排" * 400
    with bridge(town, tmp_path) as client:
        client.post("/alerts/robot", json=long)
        content = told(town, "robot")["markdown"]["content"]

    assert len(content.encode()) <= 4096
    assert content.endswith("…")
    assert json.dumps(content)
