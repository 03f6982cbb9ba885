"""Who is told of a verdict, and in which form: the seam where receivers are added.

A receiver is a `Sender`: a name and `send`. List it in `senders`, and it has its own queue on the
disk, its own thread, its own patience, and its own row in `busysignal_deliveries_total`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from analysis.config import WatchSection
from analysis.cost import told
from analysis.language import say, speaking
from analysis.page import render_page, title
from analysis.similar import Similar
from analysis.verdict import Verdict
from analysis.watch.ledger import Event, Incident
from exporters.catalog import boards
from exporters.settings import read_secret

TIMEOUT_SECONDS = 3.0
MILLISECOND = 1_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """What is to be told: `firing` first, `update` when the cause changed, `resolved` at the end.

    `memo` is what this receiver's last message on the incident left to remember (an id, a thread).
    """

    event: Event
    incident: Incident
    verdict: Verdict
    similar: tuple[Similar, ...] = field(default=())
    memo: str | None = None


@dataclass(frozen=True)
class Receipt:
    """It arrived; `memo` is kept for the next message on the incident."""

    memo: str | None = None


class Sender(Protocol):
    """One receiver. `send` returns None when it did not arrive; it is asked again later."""

    name: str

    def send(self, notice: Notice) -> Receipt | None: ...

    def close(self) -> None: ...


def senders(section: WatchSection) -> tuple[Sender, ...]:
    """Everyone whom the config names."""
    made: list[Sender] = []
    if section.pager_url:
        token = secret(section.pager_token_file, "pager_token_file")
        made.append(Pager(section.pager_url, section.grafana_url, token))
    if section.grafana_url:
        token = secret(section.grafana_token_file, "grafana_token_file")
        made.append(Grafana(section.grafana_url, token))
    return tuple(made)


def page_payload(notice: Notice, grafana_url: str | None = None) -> dict[str, Any]:
    """What a plain webhook gets: a title, the text for a person, the verdict for machines.

    `busysignal bridge` reads `service`, `pages` and `links`, and tells whoever that is for.
    """
    verdict = notice.verdict
    said = {"title": title(verdict), "text": page_text(notice)}
    service = verdict.symptom.entity.partition("/")[2]
    return {
        "status": "resolved" if notice.event == "resolved" else "firing",
        "event": notice.event,
        "incident": notice.incident.key,
        **said,
        "service": service,
        "pages": {verdict.language: said},
        "links": links(verdict, grafana_url),
        "similar": [one.document() for one in notice.similar],
        "verdict": notice.verdict.model_dump(mode="json", by_alias=True),
    }


def page_text(notice: Notice) -> str:
    """The page; below it what the incident cost so far, and past incidents like it."""
    lines = [render_page(notice.verdict).rstrip("\n")]
    with speaking(notice.verdict.language):
        if cost := told(notice.verdict.impact):
            lines.append(say("cost so far: {cost}", cost=cost))
        if notice.similar:
            lines += [say("seen before:"), *(f"   {one.text}" for one in notice.similar)]
    return "\n".join(lines) + "\n"


def links(verdict: Verdict, grafana_url: str | None) -> dict[str, str]:
    """Where to look: the service's dashboard, at the time of the incident."""
    if grafana_url is None:
        return {}
    board = boards.SERVICE.path(service=verdict.symptom.entity.partition("/")[2])
    start, end = verdict.window.start_ns // MILLISECOND, verdict.window.end_ns // MILLISECOND
    with speaking(verdict.language):
        name = say("Dashboard")
    return {name: f"{grafana_url.rstrip('/')}{board}&from={start}&to={end}"}


def annotation(verdict: Verdict) -> dict[str, Any]:
    """Grafana's POST /api/annotations: the region from onset to now, tagged by cause."""
    first = verdict.first
    kind = first.kind if first else "abstained"
    since = verdict.symptom.since or (first and first.since) or verdict.alert.starts_ns
    return {
        "time": since // MILLISECOND,
        "timeEnd": max(since, verdict.window.end_ns) // MILLISECOND,
        "tags": ["busysignal", "verdict", f"cause:{kind}"],
        "text": title(verdict) + (f"\n{first.explanation}" if first else f"\n{verdict.reason}"),
    }


class Pager:
    """A webhook that takes `page_payload`."""

    name = "pager"

    def __init__(self, url: str, grafana_url: str | None = None, token: str | None = None) -> None:
        self._url = url
        self._grafana_url = grafana_url
        self._client = client(_bearer(token))

    def send(self, notice: Notice) -> Receipt | None:
        """Post the page."""
        answer = post(
            self._client, "POST", "a page", self._url, page_payload(notice, self._grafana_url)
        )
        return None if answer is None else Receipt()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Grafana:
    """One annotation per incident over Grafana's HTTP API: made, then drawn longer."""

    name = "grafana"

    def __init__(self, url: str, token: str | None) -> None:
        self._url = f"{url.rstrip('/')}/api/annotations"
        self._client = client(_bearer(token))

    def send(self, notice: Notice) -> Receipt | None:
        """Make the annotation, or change the one that `memo` names."""
        body = annotation(notice.verdict)
        if notice.incident.resolved_ns:
            body["timeEnd"] = max(body["time"], notice.incident.resolved_ns // MILLISECOND)
        method, url = (
            ("PATCH", f"{self._url}/{notice.memo}") if notice.memo else ("POST", self._url)
        )
        answer = post(self._client, method, "an annotation", url, body)
        if answer is None:
            return None
        return Receipt(notice.memo or _annotation_id(answer))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _annotation_id(answer: httpx.Response) -> str | None:
    try:
        return str(int(answer.json()["id"]))
    except (ValueError, KeyError, TypeError):
        return None  # a proxy's answer: without the id, the end makes a second annotation


def client(headers: Mapping[str, str] = {}) -> httpx.Client:
    """What every sender posts with: short patience, no proxies of the environment."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a webhook's address is its secret
    return httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, headers=dict(headers))


def post(
    with_client: httpx.Client, method: str, what: str, url: str, payload: object
) -> httpx.Response | None:
    """The receiver's 2xx answer; None when there was none."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    try:
        answer = with_client.request(
            method, url, content=body, headers={"Content-Type": "application/json"}
        )
        return answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # The exception's own text may carry credentials from the address.
        log.warning("%s could not be delivered: %s", what, type(error).__name__)
        return None


def secret(path: Path | None, key: str) -> str | None:
    """What a `*_file` of [watch] holds; raises UsageError when it cannot be read or is empty."""
    return None if path is None else read_secret(path, f"[watch] {key}")


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
