from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from demo.pager import ALERTS, ENRICHED, Pager


@pytest.fixture
def pager() -> Iterator[Pager]:
    pager = Pager(0)
    yield pager
    pager.stop()


def test_what_arrives_is_kept_by_the_door_it_came_through(pager: Pager):
    httpx.post(pager.url + ALERTS, json={"status": "firing"}).raise_for_status()
    httpx.post(pager.url + ENRICHED, json={"text": "why"}).raise_for_status()

    assert [{"status": "firing"}] == [m.payload for m in pager.messages(ALERTS)]
    assert [{"text": "why"}] == [m.payload for m in pager.messages(ENRICHED)]


def test_a_resolved_group_is_no_page(pager: Pager):
    httpx.post(pager.url + ALERTS, json={"status": "resolved"}).raise_for_status()

    assert [] == pager.pages(since=0.0)


def test_what_came_before_is_left_out(pager: Pager):
    httpx.post(pager.url + ALERTS, json={"status": "firing"}).raise_for_status()
    (first,) = pager.messages(ALERTS)

    assert [] == pager.pages(since=first.received + 0.001)


def test_a_body_that_is_no_json_is_refused_and_not_kept(pager: Pager):
    assert 400 == httpx.post(pager.url + ALERTS, content=b"{").status_code
    assert [] == pager.messages(ALERTS)
