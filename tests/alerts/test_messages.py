from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

import busysignal
from alerts import messages, render, rules
from alerts.config import RulesSection
from alerts.messages import words
from exporters.catalog.kinds import KINDS
from exporters.errors import UsageError

ALERTS = rules.alerts_in(rules.groups(RulesSection()))
TEMPLATED = re.compile(r"\{\{.*?\}\}")
VARIABLE = re.compile(r"\$labels\.\w+|\$value(?: \| \w+)?")
CHINESE = re.compile(r"[一-鿿]")


def annotations(language):
    text = render.texts(RulesSection(language=language))["alerts.yml"]
    groups = yaml.load(text, Loader=yaml.CSafeLoader)["groups"]
    return {rule["alert"]: rule["annotations"] for group in groups for rule in group["rules"]}


def variables(text):
    return Counter(VARIABLE.findall(" ".join(TEMPLATED.findall(text))))


def places(message):
    return set(messages.PLACE.findall(f"{message.description}\n{message.means}"))


@pytest.mark.parametrize("name", messages.table())
def test_both_languages_tell_the_same_variables_and_values(name):
    said = messages.table()[name]

    assert variables(said["en"].description) == variables(said["zh"].description)
    assert places(said["en"]) == places(said["zh"])
    assert len(said["en"].first) == len(said["zh"].first)


@pytest.mark.parametrize("name", messages.table())
def test_chinese_is_chinese_and_english_is_not(name):
    said = messages.table()[name]

    for text in (said["zh"].summary, said["zh"].description, said["zh"].means):
        assert CHINESE.search(text)
        assert text.endswith("。")
    assert not CHINESE.search(said["en"].model_dump_json())


def test_every_message_belongs_to_an_alert():
    assert set(messages.table()) == {alert.name for alert in ALERTS}


def test_every_value_of_an_alert_is_told_but_limits_that_say_nothing():
    for alert in ALERTS:
        untold = alert.values.keys() - places(messages.table()[alert.name]["en"])
        assert untold <= {"limit"}, alert.name


def test_every_kind_of_cause_has_chinese_words():
    for name in KINDS:
        told = words.kind(name, "zh")
        assert CHINESE.search(told.means)
        assert CHINESE.search(told.remedy)


def test_an_alert_without_words_is_refused_by_name():
    mute = replace(ALERTS[0], name="Mute")

    with pytest.raises(UsageError) as refused:
        messages.check([mute])

    assert str(refused.value) == (
        "alert Mute has no words in 'en'; write [Mute.en] with summary, description, means and "
        "first in a file of alerts/messages"
    )


def test_a_place_that_the_alert_does_not_fill_is_refused():
    alert = next(alert for alert in ALERTS if alert.name == "QueueDeep")

    with pytest.raises(UsageError) as refused:
        messages.message(replace(alert, values={"bound": "7"}), "en")

    assert str(refused.value) == (
        "the message of QueueDeep has a place {limit} and the alert brings no such value; it "
        "brings bound: add it to the alert's `values`"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[A.fr]\nsummary = "x"', "[A.fr] is in no known language; allowed: en, zh"),
        ('[A.en]\nsummary = "x"', "[A.en] description: Field required"),
        ('[A.en]\nsumary = "x"', "[A.en] summary: Field required"),
    ],
)
def test_a_broken_table_says_where(tmp_path, monkeypatch, text, told):
    (tmp_path / "area.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(messages, "FOLDER", tmp_path)

    with pytest.raises(UsageError, match=re.escape(f"area.toml: {told}")):
        messages.table.__wrapped__()


def test_an_alert_in_two_files_is_refused(tmp_path, monkeypatch):
    text = '[A.en]\nsummary = "x"\ndescription = "x"\nmeans = "x"\nfirst = ["x"]\n'
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(messages, "FOLDER", tmp_path)

    with pytest.raises(UsageError, match="two.toml: .A. stands in another file, too; keep one"):
        messages.table.__wrapped__()


def test_one_language_fills_the_plain_annotations_and_both_add_their_own():
    english, chinese, both = (annotations(language) for language in ("en", "zh", "both"))

    assert "limit" in english["QueueDeep"]["description"]
    assert "上限" in chinese["QueueDeep"]["description"]
    assert chinese["QueueDeep"]["runbook_url"] == "docs/runbooks/zh/QueueDeep.md"
    for name, said in both.items():
        assert {key: said[key] for key in english[name]} == english[name]
        assert said["summary_zh"] == chinese[name]["summary"]
        assert said["description_zh"] == chinese[name]["description"]
        assert said["runbook_url_zh"] == chinese[name]["runbook_url"]


@pytest.mark.servers
@pytest.mark.parametrize("language", ["zh", "both"])
def test_promtool_accepts_the_rules_in_every_language(promtool, tmp_path, language):
    options = ["rules", "--lang", language, "--out", tmp_path, "--runbooks", tmp_path / "books"]

    done = CliRunner().invoke(busysignal.app, [str(option) for option in options])

    assert done.exit_code == 0, done.output
    assert "可用性错误预算" in (tmp_path / "alerts.yml").read_text(encoding="utf-8")
    checked = subprocess.run([promtool, "check", "rules", tmp_path / "alerts.yml"], check=False)
    assert checked.returncode == 0


def test_an_alert_whose_runbook_nobody_wrote_is_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "health.toml").write_text(
        '[GpuXid.en]\nsummary = "It erred."\ndescription = "It did."\nmeans = "Much."\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(messages, "FOLDER", tmp_path)

    with pytest.raises(UsageError) as refused:
        messages.table.__wrapped__()

    assert str(refused.value) == "health.toml: [GpuXid.en] first: Field required"


def test_a_runbook_that_is_missing_is_told_of_by_name(tmp_path):
    made = render.runbook_pages(RulesSection(), tmp_path).write()
    made[-1].unlink()

    assert render.runbook_pages(RulesSection(), tmp_path).stale() == [
        f"{made[-1]} is missing; make it with `busysignal rules`"
    ]
