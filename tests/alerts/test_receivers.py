from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from alerts import alertmanager_config
from alerts.alertmanager_config.integrations import SINCE, is_native
from alerts.config import RulesSection
from busysignal import Config
from exporters.errors import UsageError
from exporters.settings import load

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "deploy" / "build_go_tool.sh"
VERSIONS = {"0.25": None, "0.28": "0.28.1", "0.33": "0.33.1"}
ADDRESS = {"url_file": "/etc/busysignal/address"}
SIGNED = {**ADDRESS, "secret_file": "/etc/busysignal/secret"}
RECEIVERS = {
    "duty": {"kind": "pagerduty", "routing_key_file": "/etc/busysignal/duty"},
    "genie": {"kind": "opsgenie", "api_key_file": "/etc/busysignal/genie"},
    "slack": {"kind": "slack", **ADDRESS, "channel": "#oncall"},
    "teams": {"kind": "teams", **ADDRESS, "language": "zh"},
    "telegram": {"kind": "telegram", "bot_token_file": "/etc/busysignal/bot", "chat_id": -100},
    "open": {"kind": "webhook", "url": "http://127.0.0.1:1/", "send_resolved": False},
    "hidden": {"kind": "webhook", **ADDRESS, "token_file": "/etc/busysignal/token"},
    "wecom": {"kind": "wecom", "api_secret_file": "/etc/busysignal/wecom", "corp_id": "c",
              "agent_id": "1000002", "language": "zh"},
    "robot": {"kind": "wecom_robot", **ADDRESS, "language": "zh"},
    "ding": {"kind": "dingtalk", **SIGNED, "language": "zh"},
    "feishu": {"kind": "feishu", **SIGNED, "language": "zh"},
}  # fmt: skip


def section(version="0.25", **notify):
    everybody = {"services": ["chat"], "page": list(RECEIVERS), "warning": ["slack"]}
    known = {"receivers": RECEIVERS, "teams": {"chat": everybody}}
    return RulesSection.model_validate({"notify": {"alertmanager": version, **known, **notify}})


@pytest.fixture(params=VERSIONS)
def versioned(request):
    """A version of Alertmanager and its amtool; skipped where that is not found."""
    built = VERSIONS[request.param]
    if built is None:
        return request.param, request.getfixturevalue("amtool")
    done = subprocess.run(
        [BUILD, "--where", f"amtool-{built}"], capture_output=True, text=True, check=False
    )
    if not done.stdout.strip():
        pytest.skip(f"no amtool {built}; make it with {BUILD.relative_to(ROOT)} amtool-{built}")
    return request.param, Path(done.stdout.strip())


def written(folder, text):
    (folder / alertmanager_config.FILE).write_text(
        alertmanager_config.templates(), encoding="utf-8"
    )
    path = folder / "alertmanager.yml"
    path.write_text(text, encoding="utf-8")
    return path


def ran(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.servers
def test_each_version_accepts_every_receiver_and_mute_window(versioned, tmp_path):
    version, amtool = versioned
    mutes = {
        "nights": {"start": "22:00", "end": "24:00", "location": "Asia/Shanghai"},
        "weekend": {"start": "00:00", "end": "24:00", "days": ["saturday", "sunday"]},
    }
    quiet = {"page": list(RECEIVERS), "ticket": ["slack"], "mute": ["nights", "weekend"]}
    wanted = section(version, mutes=mutes, teams={"chat": {"services": ["chat"], **quiet}})

    said = ran(amtool, "check-config", written(tmp_path, alertmanager_config.render(wanted)))

    assert " - 6 receivers" in said
    assert " - 1 templates" in said


@pytest.mark.servers
def test_each_version_gets_as_much_as_it_can_tell_itself(versioned, tmp_path):
    version, amtool = versioned
    minor = int(version.removeprefix("0."))
    newer = {kind: since for kind, since in SINCE.items() if since > minor}
    for name in RECEIVERS:
        receiver = section().notify.receivers[name]
        if type(receiver) in newer and not is_native(receiver, minor):
            text = alertmanager_config.render(
                section("0.99", teams={"chat": {"services": ["chat"], "page": [name]}})
            )
            done = subprocess.run(
                [amtool, "check-config", written(tmp_path, text)], capture_output=True, check=False
            )
            assert done.returncode != 0, f"{version} can tell {name} itself"


def test_what_an_old_version_cannot_tell_goes_through_the_bridge():
    bridged = {"teams", "telegram", "hidden", "wecom", "robot", "ding", "feishu"}

    def told_by_bridge(version):
        config = yaml.safe_load(alertmanager_config.render(section(version)))
        page = next(one for one in config["receivers"] if one["name"] == "chat-page")
        urls = [one.get("url", "") for one in page["webhook_configs"]]
        return {url.rpartition("/")[2] for url in urls if "9452/alerts/" in url}

    assert told_by_bridge("0.25") == bridged
    assert told_by_bridge("0.28") == {"wecom", "robot", "ding", "feishu"}
    assert told_by_bridge("0.33") == {"robot", "ding", "feishu"}


def test_no_secret_is_ever_written_only_where_it_lies():
    text = alertmanager_config.render(section("0.33"))

    for line in text.splitlines():
        key, _, value = line.strip().removeprefix("- ").partition(": ")
        if "/etc/busysignal" in value:
            assert key.endswith("_file"), line


def test_a_page_is_never_muted():
    mutes = {"nights": {"start": "22:00", "end": "24:00"}}
    team = {"page": ["duty"], "warning": ["slack"], "mute": ["nights"]}
    text = alertmanager_config.render(section(teams={"all": team}, mutes=mutes))
    routes = yaml.safe_load(text)["route"]["routes"]
    [levels] = [route["routes"] for route in routes if "matchers" not in route]

    assert [(one["receiver"], one.get("mute_time_intervals")) for one in levels] == [
        ("all-page", None),
        ("all-warning", ["nights"]),
    ]


def alert(name, number, **annotations):
    return {
        "status": "firing",
        "labels": {"alertname": name, "service": "chat", "instance": str(number)},
        "annotations": {
            "summary": f"{name} {number}.",
            "description": f"{name} says {number}.",
            "runbook_url": f"https://books/{name}.md",
            **annotations,
        },
        "startsAt": "2026-11-23T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": str(number),
    }


def templated(amtool, folder, name, alerts, status="firing"):
    data = {
        "receiver": "r", "status": status, "alerts": alerts, "externalURL": "",
        "groupLabels": {"service": "chat"}, "commonLabels": {}, "commonAnnotations": {},
    }  # fmt: skip
    path = folder / "data.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    (folder / "t.tmpl").write_text(alertmanager_config.templates(), encoding="utf-8")
    return ran(
        amtool, "template", "render", f"--template.glob={folder}/*.tmpl",
        f"--template.data={path}", f'--template.text={{{{ template "{name}" . }}}}',
    ).rstrip("\n")  # fmt: skip


@pytest.mark.servers
def test_templates_tell_three_alerts_in_full_and_count_the_rest(versioned, tmp_path):
    _, amtool = versioned
    alerts = [alert("QueueDeep", number, dashboard_url="https://g/d") for number in range(5)]

    assert templated(amtool, tmp_path, "busysignal.en.title", alerts) == (
        "[firing] chat: QueueDeep 0. (+4 more)"
    )
    assert templated(amtool, tmp_path, "busysignal.en.text", alerts) == (
        "QueueDeep says 0.\nQueueDeep says 1.\nQueueDeep says 2.\n"
        "Dashboard: https://g/d\nRunbook: https://books/QueueDeep.md"
    )


@pytest.mark.servers
def test_templates_speak_chinese_where_the_rules_do(versioned, tmp_path):
    _, amtool = versioned
    chinese = alert(
        "QueueDeep", 1, summary_zh="请求排队积压。", description_zh="100 个请求在排队。"
    )
    plain = alert("GpuDown", 2)

    assert templated(amtool, tmp_path, "busysignal.zh.title", [chinese, plain]) == (
        "[告警] chat: 请求排队积压。（另有 1 条）"
    )
    assert templated(amtool, tmp_path, "busysignal.zh.text", [chinese, plain]) == (
        "100 个请求在排队。\nGpuDown says 2.\n手册：https://books/QueueDeep.md"
    )


@pytest.mark.servers
def test_the_end_of_an_incident_is_told_of_what_ended(amtool, tmp_path):
    ended = {**alert("QueueDeep", 1), "status": "resolved", "endsAt": "2026-11-23T12:05:00Z"}

    assert templated(amtool, tmp_path, "busysignal.en.title", [ended], "resolved") == (
        "[resolved] chat: QueueDeep 1."
    )


def config(tmp_path, text):
    path = tmp_path / "busysignal.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[rules.notify.receivers.ops]\nkind = "pagerduty"',
            (
                "{path}: rules.notify.receivers.ops.pagerduty.routing_key_file is missing; "
                "give it a value"
            ),
        ),
        (
            '[rules.notify.receivers.ops]\nkind = "pagerduty"\nrouting_key = "k"',
            (
                "{path}: unknown key rules.notify.receivers.ops.pagerduty.routing_key; "
                "did you mean routing_key_file?"
            ),
        ),
        (
            '[rules.notify.receivers.ops]\nkind = "webhook"',
            "[rules.notify] a webhook has either url or url_file; give one",
        ),
        (
            '[rules.notify.teams.a]\npage = ["ops"]',
            (
                "[rules.notify] teams.a.page names 'ops', which is not defined; "
                "defined: none is defined"
            ),
        ),
        (
            "[rules.notify.teams.a]\n[rules.notify.teams.b]",
            "[rules.notify] everything without a team belongs to the teams a and b; keep one",
        ),
        (
            '[rules.notify.mutes.n]\nstart = "22:00"\nend = "06:00"',
            (
                "[rules.notify] a mute window from 22:00 to 06:00 ends before it starts; over "
                "midnight, write two windows, one of them to 24:00"
            ),
        ),
        (
            '[rules.notify]\nalertmanager = "0.24"',
            (
                "{path}: rules.notify.alertmanager = '0.24' is not valid: Value error, the oldest "
                "version served is 0.25"
            ),
        ),
    ],
)
def test_a_receiver_or_team_that_cannot_be_is_refused_in_one_line(tmp_path, text, told):
    path = config(tmp_path, text)

    with pytest.raises(UsageError) as refused:
        load(Config, path, {})

    assert str(refused.value) == told.format(path=path)


def test_a_secret_written_into_the_config_is_not_repeated(tmp_path):
    path = config(
        tmp_path, '[rules.notify.receivers.ops]\nkind = "opsgenie"\napi_key = "hunter2"\n'
    )

    with pytest.raises(UsageError) as refused:
        load(Config, path, {})

    assert "hunter2" not in str(refused.value)
