from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from analysis.collect import Sources
from analysis.config import AnalysisSection, WatchSection
from analysis.evidence import Alert, Evidence
from analysis.show import shown
from analysis.sources.gap import Gap
from analysis.watch import app
from analysis.watch.ledger import Ledger
from tests.analysis import scenes
from tests.analysis.scenes import Scene
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

FAST = AnalysisSection(time_scale=60)


@pytest.fixture
def lively(section: WatchSection) -> WatchSection:
    return section.model_copy(update={"refresh_seconds": 1.0})


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def script(*evidence: Evidence):
    """A collector that answers with each in turn, and with the last from then on."""
    left = list(evidence)

    def collect(alert: Alert) -> Evidence:
        return replace(left.pop(0) if len(left) > 1 else left[0], alert=alert)

    return collect


BLIND = replace(
    Scene(scenes.FELT).evidence(), silent=(Gap("replica/heron", "no metrics since 12:00:00 UTC"),)
)
SLOW = Scene(scenes.slow_replica()).evidence()
BURST = Scene(scenes.traffic_burst()).evidence()


def test_a_verdict_that_was_missing_comes_while_the_incident_lasts(lively):
    with endpoint() as pager:
        told = lively.model_copy(update={"pager_url": pager.url})
        with running(app(told, FAST, collector=script(BLIND, SLOW))) as url:
            post(f"{url}/alerts", webhook(starts=now()))
            wait_until(lambda: len(pager.received) == 2, 20)
            pages = [document(body) for _, body in pager.received]
            (verdict,) = verdicts(url)

            assert [page["event"] for page in pages] == ["firing", "update"]
            assert pages[0]["verdict"]["abstained"] is True
            assert verdict == pages[1]["verdict"]
            assert verdict["causes"][0]["kind"] == "slow_replica"
            first = pages[0]["verdict"]["id"]
            assert get(f"{url}/verdicts/{first}").json()["abstained"] is True
            assert 'refreshes_total{result="told"} 1' in get(f"{url}/metrics").text


def test_what_a_source_lost_meanwhile_takes_no_cause_away(lively):
    with running(app(lively, FAST, collector=script(SLOW, BLIND))) as url:
        post(f"{url}/alerts", webhook(starts=now()))
        wait_until(lambda: 'refreshes_total{result="same"}' in get(f"{url}/metrics").text, 20)
        (verdict,) = verdicts(url)

    assert verdict["causes"][0]["kind"] == "slow_replica"


def test_people_are_told_of_a_cause_that_flaps_only_so_often(lively):
    with endpoint() as pager:
        few = lively.model_copy(update={"pager_url": pager.url, "updates_limit": 2})
        flapping = script(SLOW, BURST, SLOW, BURST, SLOW)
        with running(app(few, FAST, collector=flapping)) as url:
            post(f"{url}/alerts", webhook(starts=now()))
            wait_until(lambda: 'refreshes_total{result="new"} 2' in get(f"{url}/metrics").text, 30)
            post(f"{url}/alerts", webhook(status="resolved"))
            wait_until(lambda: len(pager.received) == 3, 20)
            told = [document(body)["event"] for _, body in pager.received]

    assert told == ["firing", "update", "resolved"]


def test_the_last_verdict_is_the_one_of_its_end(lively):
    slow = lively.model_copy(update={"refresh_seconds": 3600.0})
    with endpoint() as pager:
        told = slow.model_copy(update={"pager_url": pager.url})
        with running(app(told, FAST, collector=script(BLIND, SLOW))) as url:
            post(f"{url}/alerts", webhook(starts=now()))
            wait_until(lambda: len(pager.received) == 1, 10)
            post(f"{url}/alerts", webhook(status="resolved"))
            wait_until(lambda: len(pager.received) == 2, 10)
            last = document(pager.received[1][1])
            (incident,) = get(f"{url}/incidents").json()

    assert (last["status"], last["event"]) == ("resolved", "resolved")
    assert last["verdict"]["causes"][0]["kind"] == "slow_replica"
    assert (incident["final"], incident["verdict_id"]) == (True, last["verdict"]["id"])


class History:
    """Ten hours in which a forward pass of heron took 12 ms, and the incident at its end."""

    name = "history"

    def __init__(self) -> None:
        self.gaps: list[Gap] = []

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        at = list(range(start_ns, end_ns + 1, step_ns))
        ill = [0.06 if moment >= end_ns - 15 * 10**9 else 0.012 for moment in at]
        return pl.DataFrame({"ts_ns": at, "value": ill, "replica": ["heron"] * len(at)})


def test_the_final_verdict_proposes_a_rule_for_next_time(lively):
    slow = lively.model_copy(update={"refresh_seconds": 3600.0})
    with endpoint() as pager:
        told = slow.model_copy(update={"pager_url": pager.url})
        sources = Sources(metrics=History())
        with running(app(told, FAST, sources, collector=script(SLOW))) as url:
            post(f"{url}/alerts", webhook())
            wait_until(lambda: len(pager.received) == 1, 10)
            post(f"{url}/alerts", webhook(status="resolved"))
            wait_until(lambda: len(pager.received) == 2, 10)
            first, last = (document(body)["verdict"] for _, body in pager.received)
            (kept,) = verdicts(url)

    assert first["proposed_rule"] is None
    assert last["proposed_rule"]["alert"] == "SlowReplicaBegins"
    assert (kept, last["id"]) == (last, first["id"])
    told_text = shown(lively.verdicts, last["id"])
    assert "alert: SlowReplicaBegins" in told_text
    (folder,) = lively.verdicts.iterdir()
    assert "A rule that would have told" in (folder / "verdict.html").read_text(encoding="utf-8")


def test_an_end_is_told_even_if_the_last_look_fails(lively):
    def once(alert: Alert) -> Evidence:
        seen.append(alert)
        if len(seen) > 1:
            raise RuntimeError("the source broke")
        return collector(alert)

    seen: list[Alert] = []
    with endpoint() as pager:
        told = lively.model_copy(update={"pager_url": pager.url, "refresh_seconds": 3600.0})
        with running(app(told, collector=once)) as url:
            post(f"{url}/alerts", webhook())
            wait_until(lambda: len(pager.received) == 1, 10)
            post(f"{url}/alerts", webhook(status="resolved"))
            wait_until(lambda: len(pager.received) == 2, 10)

    assert document(pager.received[1][1])["status"] == "resolved"


def test_replaced_verdicts_that_nobody_saw_leave_no_evidence_behind(lively):
    variants = [replace(SLOW, firing=(f"Alert{number}",)) for number in range(4)]
    with running(app(lively, FAST, collector=script(*variants))) as url:
        post(f"{url}/alerts", webhook(starts=now()))
        wait_until(lambda: 'refreshes_total{result="new"} 3' in get(f"{url}/metrics").text, 30)
        time.sleep(0.2)

    assert len(list(lively.verdicts.iterdir())) == 2


def members(*names: str) -> list[dict[str, object]]:
    return [webhook(name)["alerts"][0] | {"fingerprint": name} for name in names]


def test_a_group_that_goes_on_with_other_alerts_is_the_same_incident(section):
    def group(*names: str, starts: str):
        alerts = [{**one, "startsAt": starts} for one in members(*names)]
        return webhook(group="g") | {"alerts": alerts}

    first, later = (
        group("a", starts="2026-11-23T12:00:00Z"),
        group("b", starts="2026-11-23T13:00:00Z"),
    )
    both = first | {"alerts": [*first["alerts"], *later["alerts"]]}
    with running(app(section, collector=collector)) as url:
        results = [post(f"{url}/alerts", body).json()["result"] for body in (first, both, later)]
        results.append(
            post(f"{url}/alerts", group("c", starts="2026-11-23T14:00:00Z")).json()["result"]
        )
        ended = [one["ended"] for one in get(f"{url}/incidents").json()]

    assert results == ["new", "duplicate", "duplicate", "new"]
    assert ended == ["superseded", ""]


def answered(ledger: Ledger, key: str = "k", group: str = "g") -> None:
    ledger.accept(key, Alert("A", 1, {}, "", group), ["m"])
    incident = ledger.incident(key)
    assert incident is not None
    ledger.answer(incident, (f"v-{key}", "{}"), None, event="firing", receivers=["pager"])


def test_an_incident_that_nobody_resolves_ends_and_begins_again_when_it_is_heard_of(tmp_path):
    ledger = Ledger(tmp_path / "watch.sqlite")
    answered(ledger)

    assert ledger.expire(0) == 0
    assert ledger.expire(time.time_ns()) == 1
    over = ledger.incident("k")
    assert over is not None
    assert (over.ended, over.final) == ("expired", True)
    assert ledger.accept("k", over.alert, ["m"]) is False
    again = ledger.incident("k")
    ledger.close()
    assert again is not None
    assert (again.ended, again.resolved_ns, again.final) == ("", None, False)


def test_what_is_long_over_is_forgotten_and_what_lasts_is_not(tmp_path):
    ledger = Ledger(tmp_path / "watch.sqlite")
    answered(ledger, "old", "g1")
    answered(ledger, "open", "g2")
    ledger.expire(0)
    ledger.resolve("g1")
    old = ledger.unfinished()
    assert old is not None
    ledger.looked(old)
    ledger.forget(time.time_ns())
    kept = [incident.key for incident in ledger.incidents()]
    rows = ledger.store.read("SELECT incident FROM verdicts UNION SELECT incident FROM deliveries")
    ledger.close()

    assert kept == ["open"]
    assert rows == [("open",)]


def test_an_alert_that_cannot_be_kept_is_asked_for_again(section):
    service = app(section, collector=collector)
    with running(service) as url:
        ledger = service.state.ledger
        ledger.store.read("PRAGMA query_only = ON")
        refused = post(f"{url}/alerts", webhook())
        ledger.store.read("PRAGMA query_only = OFF")
        taken = post(f"{url}/alerts", webhook())

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.text == (
        "the ledger cannot be written (attempt to write a readonly database); send it again\n"
    )
    assert taken.json() == {"result": "new"}


FIRST_SCHEMA = """
CREATE TABLE incidents (
    key TEXT PRIMARY KEY, alert TEXT NOT NULL, received_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'answered')), resolved_ns INTEGER,
    verdict_id TEXT, published INTEGER NOT NULL DEFAULT 0);
CREATE INDEX waiting ON incidents (state, received_ns);
CREATE TABLE verdicts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, incident TEXT NOT NULL,
    document TEXT NOT NULL, annotation TEXT NOT NULL, folder TEXT NOT NULL);
CREATE INDEX verdict_id ON verdicts (id);
INSERT INTO incidents VALUES
    ('a', '{"name": "A", "group_key": "ga"}', 5, 'answered', 7, 'v-a', 1),
    ('b', '{"name": "B", "group_key": "gb"}', 6, 'waiting', NULL, NULL, 0);
INSERT INTO verdicts (id, incident, document, annotation, folder) VALUES ('v-a', 'a', '{}', '', '');
"""


def test_a_file_of_the_first_schema_keeps_what_it_holds(tmp_path: Path):
    path = tmp_path / "watch.sqlite"
    db = sqlite3.connect(path)
    db.executescript(FIRST_SCHEMA)
    db.close()
    for _ in range(2):
        ledger = Ledger(path)
        found = {incident.key: incident for incident in ledger.incidents()}
        waiting, told = ledger.next(), ledger.verdicts()
        ledger.close()

    assert (found["a"].ended, found["a"].final, found["a"].verdict_id) == ("resolved", True, "v-a")
    assert waiting == found["b"]
    assert told == ["{}"]
