from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.watch.ledger import Ledger
from benchmarks._watch import Watch
from tests.analysis.watching import document, endpoint, wait_until, webhook

NOTHING = b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'
ALERTS = 20


@pytest.fixture
def watches() -> Iterator[list[Watch]]:
    made: list[Watch] = []
    yield made
    for one in made:
        one.kill()


@pytest.mark.slow
def test_killed_in_a_flood_it_loses_no_alert_and_answers_none_twice(
    tmp_path: Path, watches: list[Watch]
):
    away = {"url": "http://127.0.0.1:9"}
    with endpoint() as pager:
        watch = Watch(tmp_path, prometheus=away, watch={"pager_url": pager.url})
        watches.append(watch)
        watch.start()
        left = [webhook(f"Alert{number}") for number in range(ALERTS)]
        taken = 0
        while left:
            if watch.post(left[0]):
                left.pop(0)
                taken += 1
            if taken in (6, 14) and watch.process is not None:
                taken += 1  # once each
                watch.kill()
                watch.start()
        for again in range(5):
            watch.post(webhook(f"Alert{again}"))
        wait_until(lambda: len(watch.answered()) == ALERTS, 120)
        watch.kill()
        pages = Counter(document(body)["incident"] for _, body in pager.received)
    ledger = Ledger(tmp_path / "watch.sqlite")
    rows = ledger.store.read("SELECT incident, count(*) FROM verdicts GROUP BY incident")
    names = sorted(incident.alert.name for incident in ledger.incidents())
    ledger.close()

    assert names == sorted(f"Alert{number}" for number in range(ALERTS))
    assert [count for _, count in rows] == [1] * ALERTS
    assert len(pages) == ALERTS
    # A kill between a page's arrival and its note on the disk sends that one page again.
    assert sum(pages.values()) <= ALERTS + 2


@pytest.mark.slow
def test_sources_that_go_away_are_named_and_cost_neither_verdict_nor_deadline(
    tmp_path: Path, watches: list[Watch]
):
    with contextlib.ExitStack() as servers:
        prometheus = servers.enter_context(endpoint(lambda *_: (200, NOTHING)))
        store = servers.enter_context(endpoint(lambda *_: (200, b"{}")))
        watch = Watch(
            tmp_path,
            prometheus={"url": prometheus.url},
            telemetry={"kind": "elasticsearch"},
            elasticsearch={"url": store.url, "timeout_seconds": 3.0},
            watch={"deadline_seconds": 15.0},
        )
        watches.append(watch)
        watch.start()
        assert watch.post(webhook("Before"))
        wait_until(lambda: len(watch.answered()) == 1, 30)
        servers.close()
        began = time.monotonic()
        assert watch.post(webhook("After"))
        wait_until(lambda: len(watch.answered()) == 2, 40)
        waited = time.monotonic() - began
    last = watch.get("/verdicts").json()[-1]
    gaps = {gap["source"]: gap["gap"] for gap in last["data_quality"]}

    assert last["alert"]["name"] == "After"
    assert last["abstained"] is True
    assert "cannot be reached" in gaps["prometheus"]
    assert "elasticsearch" in gaps
    assert last["seconds"] <= 15.0 <= waited + 15.0
