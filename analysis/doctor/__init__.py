"""Looks at every server, version and signal the stack lives on; says what each gap blinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx

from alerts.config import RulesSection
from analysis.doctor import alertmanager, documents, prometheus
from analysis.doctor.finding import Finding
from analysis.sources.errors import SourceError
from analysis.sources.section import ElasticsearchSection

__all__ = ["Finding", "Places", "examine", "findings"]

TIMEOUT_SECONDS = 5.0

BLINDS = {
    "Prometheus": "everything: no alert can fire and no metric can be read",
    "Alertmanager": "pages and verdicts: alerts fire and reach nobody",
    "Elasticsearch": "spans and logs: verdicts rest on metrics alone",
    "watch": "verdicts: pages come without a cause",
}
NOT_WELL = (
    SourceError, httpx.HTTPError, httpx.InvalidURL,
    ValueError, LookupError, TypeError, AttributeError,
)  # fmt: skip
"""What a server that is away, refuses, or answers with something else entirely looks like."""


@dataclass(frozen=True)
class Places:
    """Root addresses of the servers to look at, and what their config should have led to.

    `elasticsearch` is None where the config leaves it out; `guarded`: `watch` wants a token.
    """

    prometheus: str
    alertmanager: str
    elasticsearch: ElasticsearchSection | None
    watch: str
    rules: RulesSection = field(default_factory=RulesSection)
    guarded: bool = False


def findings(places: Places) -> list[Finding]:
    """Everything that `examine` finds, by a client of its own."""
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        return list(examine(places, client))


def examine(places: Places, client: httpx.Client) -> Iterator[Finding]:
    """Yield one finding for each thing looked at; never raises for a server's sake."""
    yield from _server(
        "Prometheus",
        places.prometheus,
        lambda: prometheus.look(places.prometheus, client, places.rules),
    )
    yield from _server(
        "Alertmanager",
        places.alertmanager,
        lambda: alertmanager.look(places.alertmanager, client, guarded=places.guarded),
    )
    if (section := places.elasticsearch) is None:
        yield Finding("Elasticsearch", ok=True, seen="left out: spans and logs go elsewhere")
    else:
        yield from _server("Elasticsearch", section.url, lambda: documents.look(section))
    yield from _server("watch", places.watch, lambda: _watch(places.watch, client))


def _server(name: str, url: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except NOT_WELL as error:
        where = "watch.host and watch.port" if name == "watch" else f"{name.lower()}.url"
        yield Finding(
            name, ok=False, seen=f"{url}: {_told(name, error)}", blinds=BLINDS[name],
            remedy=f"start it, or correct {where} in the config",
        )  # fmt: skip


def _told(name: str, error: Exception) -> str:
    """In a few words: what the server said, or why it said nothing."""
    match error:
        case SourceError():
            return str(error).partition("; ")[0]
        case httpx.HTTPStatusError():
            return f"answers {error.response.status_code} {error.response.reason_phrase}"
        case httpx.TimeoutException():
            return f"no answer within {TIMEOUT_SECONDS:g} s"
        case httpx.HTTPError() | httpx.InvalidURL():
            return str(error) or type(error).__name__
    return f"answers, and not as {name} does ({type(error).__name__}: {error})"


def _watch(url: str, client: httpx.Client) -> Iterator[Finding]:
    client.get(f"{url}/-/ready").raise_for_status()
    yield Finding("watch", ok=True, seen=f"ready at {url}")
