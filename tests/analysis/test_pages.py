from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bridge import services, signing
from alerts.bridge.note import Note, of_page
from analysis.evidence import Alert
from analysis.page import PAGE_LIMIT, render_page
from analysis.verdict import Cause, RuledOut, Verdict
from analysis.watch.ledger import Incident
from analysis.watch.senders import Notice, page_payload
from exporters.catalog.kinds import KINDS

PAGES = Path(__file__).parent / "pages"
"""Verdicts of real runs of the demo, each in both languages."""
CASES = [
    (name, language) for name in ("slow_replica", "telemetry_gap") for language in ("en", "zh")
]
RECEIVERS = {
    "slack": services.Slack("https://chat/slack"),
    "pagerduty": services.PagerDuty("https://chat/duty", "key"),
    "wecom": services.WeComRobot("https://chat/robot?key=k"),
    "dingtalk": services.DingTalk("https://chat/ding?access_token=t", "secret"),
    "feishu": services.Feishu("https://chat/feishu", "secret"),
    "webhook": services.Webhook("https://chat/hook"),
}


def verdict_of(name: str, language: str) -> Verdict:
    return Verdict.from_json((PAGES / f"{name}.{language}.json").read_text(encoding="utf-8"))


def note_of(verdict: Verdict, language: str) -> Note:
    incident = Incident("i-1", Alert(name="LatencyP99High", starts_ns=0), 0, 0, 0, "answered")
    notice = Notice("firing", incident, verdict)
    body = json.dumps(page_payload(notice, "https://grafana.example")).encode()
    note, service = of_page(body, language)
    assert service == "chat"
    return note


def sent(service, note: Note) -> dict:
    told = []

    def answer(request: httpx.Request) -> httpx.Response:
        told.append(json.loads(request.content))
        return httpx.Response(200, json={"errcode": 0, "code": 0})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        service.send(client, note)
    return told[0]


@pytest.mark.parametrize(("name", "language"), CASES)
def test_each_receivers_page_reads_as_a_person_wants_it(golden, monkeypatch, name, language):
    monkeypatch.setattr(signing, "feishu", lambda *_: "SIGNED")
    monkeypatch.setattr(services.time, "time", lambda: 1_800_000_000)
    note = note_of(verdict_of(name, language), language)
    told = {name: sent(service, note) for name, service in RECEIVERS.items()}

    golden.check(
        f"receivers_{name}.{language}.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    )


@pytest.mark.parametrize(("name", "language"), CASES)
def test_a_page_names_the_cause_first_then_what_it_is_not_then_what_to_do(name, language):
    head = render_page(verdict_of(name, language)).split("\n\n")[0].splitlines()
    starts = {
        "en": ("service chat: ", ("Cause (", "No cause named: "), "Ruled out: ", "Do: "),
        "zh": ("服务 chat：", ("原因（", "未判定原因："), "已排除：", "处置："),
    }[language]

    assert head[0].startswith(starts[0])
    assert head[1].startswith(starts[1])
    assert head[-2].startswith(starts[2])
    assert head[-1].startswith(starts[3])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_every_kind_fits_a_screen_and_says_what_to_do(kind, language):
    verdict = verdict_of("slow_replica", language)
    cause = verdict.causes[0].model_copy(update={"kind": kind})
    head = render_page(verdict.model_copy(update={"causes": [cause]})).split("\n\n")[0]

    assert len(head) <= PAGE_LIMIT
    assert head.splitlines()[-1].endswith(cause.remedy)


TEXT = st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029\x85"),
               min_size=1, max_size=900)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(explanation=TEXT, symptom=TEXT, names=st.lists(TEXT, max_size=8), first=st.booleans(),
       language=st.sampled_from(["en", "zh"]))  # fmt: skip
def test_no_verdict_makes_a_page_longer_than_a_screen(explanation, symptom, names, first, language):
    verdict = verdict_of("slow_replica", language)
    cause = verdict.causes[0].model_copy(update={"explanation": explanation})
    wild = verdict.model_copy(
        update={
            "causes": [cause, *([Cause(**cause.model_dump())] if first else [])],
            "abstained": not first,
            "reason": explanation,
            "symptom": verdict.symptom.model_copy(update={"text": symptom}),
            "ruled_out": [RuledOut(entity=f"replica/{name}", why="x") for name in names],
        }
    )
    head = render_page(wild).split("\n\nV" if language == "en" else "\n\n诊断")[0]

    assert len(head) <= PAGE_LIMIT
    if len(symptom) < 100:
        assert head.splitlines()[-1].startswith(("Do: ", "处置："))


def test_a_receiver_of_another_language_gets_the_one_there_is():
    note = note_of(verdict_of("slow_replica", "zh"), "en")

    assert note.title == "[firing] 服务 chat：副本变慢（副本 adhara）"


def test_a_page_links_to_the_services_dashboard_at_that_time():
    verdict = verdict_of("slow_replica", "zh")
    [(name, url)] = note_of(verdict, "zh").links

    assert name == "看板"
    assert url.startswith("https://grafana.example/d/busysignal-service?var-service=chat&from=")
    assert replace(note_of(verdict, "zh"), links=()).links == ()
