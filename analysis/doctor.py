"""Looks at every server, version and signal the stack lives on; says what each gap blinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from exporters.catalog import neutral
from exporters.catalog.signal import Recorded

OLDEST_PROMETHEUS = (2, 42)
OLDEST_ALERTMANAGER = (0, 25)
OLDEST_ELASTICSEARCH = (8, 0)


RIGHTLY_ABSENT = {
    "busysignal:signal_missing": "nothing is missing",
    "busysignal:engine_signal_missing": "no engine lacks a name",
    "llm:replica_cpu_throttled:ratio": "no replica has a CPU quota",
    "llm:cache_": "no cache is measured",
    "canary:": "no endpoint is probed",
    "client:": "no caller measures itself",
    "gpu:nvlink_links_down": "no GPU has links, or all are up",
    "gpu:nvml_errors:rate": "every call into the driver worked",
    "gpu:kernel_peak:ratio": "no device has a datasheet here",
    "gpu:probe_skipped:rate": "no round was left out",
}
"""Beginnings of signals whose absence says that all is well, or that such a part is not in use."""


@dataclass(frozen=True)
class Places:
    """Root addresses of the servers to look at; None for one that the config leaves out."""

    prometheus: str
    alertmanager: str
    elasticsearch: str | None
    watch: str
    elasticsearch_auth: tuple[str, str] | None = None


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, what was seen, what a gap blinds, what to do."""

    subject: str
    ok: bool
    seen: str
    blinds: str = ""
    remedy: str = ""


def examine(places: Places, client: httpx.Client) -> Iterator[Finding]:
    """Yield one finding for each thing looked at; never raises for a server's sake."""
    yield from _server("Prometheus", places.prometheus, client, _prometheus)
    yield from _server("Alertmanager", places.alertmanager, client, _alertmanager)
    if places.elasticsearch:
        look = partial(_elasticsearch, auth=places.elasticsearch_auth)
        yield from _server("Elasticsearch", places.elasticsearch, client, look)
    else:
        yield Finding("Elasticsearch", ok=True, seen="left out: spans and logs go elsewhere")
    yield from _server("watch", places.watch, client, _watch)


BLINDS = {
    "Prometheus": "everything: no alert can fire and no metric can be read",
    "Alertmanager": "pages and verdicts: alerts fire and reach nobody",
    "Elasticsearch": "spans and logs: verdicts rest on metrics alone",
    "watch": "verdicts: pages come without a cause",
}


Look = Callable[[str, httpx.Client], Iterator[Finding]]
NOT_WELL = (
    httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError, AttributeError,
)  # fmt: skip
"""What a server that is away, refuses, or answers with something else entirely looks like."""


def _server(name: str, url: str, client: httpx.Client, look: Look) -> Iterator[Finding]:
    try:
        yield from look(url, client)
    except NOT_WELL as error:
        seen = f"{url}: {type(error).__name__}: {error}".rstrip(": ")
        yield Finding(
            name, ok=False, seen=seen, blinds=BLINDS[name],
            remedy=f"start it, or correct {name.lower()}.url in the config",
        )  # fmt: skip


def _get(
    client: httpx.Client, url: str, *, auth: tuple[str, str] | None = None, **params: str
) -> Any:
    response = client.get(url, params=params, auth=auth)
    response.raise_for_status()
    return response.json()


def _version(name: str, text: str, oldest: tuple[int, ...]) -> Finding:
    numbers = tuple(int(part) for part in re.findall(r"\d+", text)[:2])
    least = ".".join(map(str, oldest))
    return Finding(
        name, ok=numbers >= oldest, seen=f"version {text}",
        blinds="" if numbers >= oldest else "rules that an older version cannot read",
        remedy="" if numbers >= oldest else f"upgrade to {least} or later",
    )  # fmt: skip


def _prometheus(url: str, client: httpx.Client) -> Iterator[Finding]:
    build = _get(client, f"{url}/api/v1/status/buildinfo")["data"]
    yield _version("Prometheus", build["version"], OLDEST_PROMETHEUS)
    yield from _targets(_get(client, f"{url}/api/v1/targets", state="active")["data"])
    yield from _rules(_get(client, f"{url}/api/v1/rules")["data"]["groups"])
    known = _get(client, f"{url}/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    yield Finding(
        "Prometheus → Alertmanager", ok=bool(known),
        seen=", ".join(one["url"] for one in known) or "no Alertmanager known",
        blinds="" if known else BLINDS["Alertmanager"],
        remedy="" if known else "render prometheus.yml again: busysignal rules",
    )  # fmt: skip
    yield from _signals(url, client, neutral.SIGNALS)


def _targets(targets: dict[str, Any]) -> Iterator[Finding]:
    jobs: dict[str, list[dict[str, Any]]] = {}
    for target in targets["activeTargets"]:
        jobs.setdefault(target["labels"]["job"], []).append(target)
    for job, members in sorted(jobs.items()):
        down = [member for member in members if member["health"] != "up"]
        errors = "; ".join(f"{m['scrapeUrl']}: {m['lastError']}" for m in down)
        yield Finding(
            f"target {job}", ok=not down, seen=errors or f"{len(members)} up",
            blinds=f"everything that {job} measures" if down else "",
            remedy="start the exporter, or correct its address" if down else "",
        )  # fmt: skip


def _rules(groups: list[dict[str, Any]]) -> Iterator[Finding]:
    rules = [rule for group in groups for rule in group["rules"]]
    broken = [rule for rule in rules if rule["health"] == "err"]
    names = ", ".join(f"{rule['name']}: {rule.get('lastError', '')}" for rule in broken)
    yield Finding(
        "rules", ok=bool(rules) and not broken,
        seen=names or (f"{len(rules)} loaded" if rules else "none loaded"),
        blinds="" if rules and not broken else "every alert and every neutral series they make",
        remedy="" if rules and not broken else "busysignal rules, then reload Prometheus",
    )  # fmt: skip


def _signals(url: str, client: httpx.Client, signals: Iterable[Recorded]) -> Iterator[Finding]:
    for signal in signals:
        found = _get(client, f"{url}/api/v1/query", query=f"count({signal.value})")["data"][
            "result"
        ]
        if found:
            yield Finding(signal.name, ok=True, seen=f"{found[0]['value'][1]} series")
        elif why := _excused(signal):
            yield Finding(signal.name, ok=True, seen=f"no series: {why}")
        else:
            yield Finding(
                signal.name, ok=False, seen="no series", blinds=signal.help.rstrip(".").lower(),
                remedy="no traffic yet, or nothing writes what it is recorded from",
            )  # fmt: skip


def _excused(signal: Recorded) -> str:
    return next((why for name, why in RIGHTLY_ABSENT.items() if signal.name.startswith(name)), "")


def _alertmanager(url: str, client: httpx.Client) -> Iterator[Finding]:
    status = _get(client, f"{url}/api/v2/status")
    yield _version("Alertmanager", status["versionInfo"]["version"], OLDEST_ALERTMANAGER)
    routed = "webhook" in status["config"]["original"]
    yield Finding(
        "Alertmanager → watch", ok=routed,
        seen="a webhook receiver is configured" if routed else "no webhook receiver",
        blinds="" if routed else BLINDS["watch"],
        remedy="" if routed else "busysignal rules, then reload Alertmanager",
    )  # fmt: skip


def _elasticsearch(
    url: str, client: httpx.Client, *, auth: tuple[str, str] | None
) -> Iterator[Finding]:
    nodes = _get(client, f"{url}/_nodes", auth=auth, filter_path="nodes.*.version")["nodes"]
    version = min(node["version"] for node in nodes.values())
    yield _version("Elasticsearch", version, OLDEST_ELASTICSEARCH)
    for kind in ("traces", "logs"):
        where = f"{url}/{kind}-*/_count"
        count = _get(client, where, auth=auth, ignore_unavailable="true")["count"]
        yield Finding(
            f"Elasticsearch {kind}", ok=count > 0, seen=f"{count} documents",
            blinds="" if count else f"what {kind} would tell about single requests",
            remedy="" if count else "point the service's telemetry at this cluster",
        )  # fmt: skip


def _watch(url: str, client: httpx.Client) -> Iterator[Finding]:
    client.get(f"{url}/-/ready").raise_for_status()
    yield Finding("watch", ok=True, seen=f"ready at {url}")
