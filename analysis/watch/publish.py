"""Tell people: the enriched page to the pager, an annotation to Grafana."""

from __future__ import annotations

import logging
from typing import Any

import httpx

from analysis.config import WatchSection
from analysis.page import render_page, title
from analysis.verdict import Verdict
from analysis.watch.ledger import Incident

TIMEOUT_SECONDS = 3.0
MILLISECOND = 1_000_000

log = logging.getLogger(__name__)


def page_payload(incident: Incident, verdict: Verdict) -> dict[str, Any]:
    """What the pager gets: a title, the text for a person, and the verdict for machines."""
    return {
        "status": "firing" if incident.resolved_ns is None else "resolved",
        "incident": incident.key,
        "title": title(verdict),
        "text": render_page(verdict),
        "verdict": verdict.model_dump(mode="json", by_alias=True),
    }


def annotation_payload(verdict: Verdict) -> dict[str, Any]:
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


class Publisher:
    """Posts to whoever the config names."""

    def __init__(self, section: WatchSection) -> None:
        self._section = section
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def page(self, incident: Incident, verdict: Verdict) -> bool:
        """Send the enriched page; True when the pager took it or there is none."""
        url = self._section.pager_url
        return url is None or self._post("a page", url, page_payload(incident, verdict))

    def annotate(self, annotation: dict[str, Any]) -> bool:
        """Send the annotation; True when Grafana took it or there is none."""
        url = self._section.grafana_url
        if url is None:
            return True
        return self._post("an annotation", f"{url.rstrip('/')}/api/annotations", annotation)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, what: str, url: str, payload: dict[str, Any]) -> bool:
        try:
            self._client.post(url, json=payload).raise_for_status()
        except (httpx.HTTPError, OSError) as error:
            # The exception's own text may carry credentials from the address.
            log.warning("%s could not be delivered: %s", what, type(error).__name__)
            return False
        return True
