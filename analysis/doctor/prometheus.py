"""Prometheus: its version, its rules, its storage, its clock, and whom it tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

from alerts import rules, slo
from alerts.config import RulesSection
from alerts.durations import parse
from analysis.doctor import series, targets
from analysis.doctor.finding import Finding, get, judged, version

OLDEST = (2, 42)
EXEMPLARS = "exemplar-storage"
DEFAULT_RETENTION = "15d"
SKEW_SECONDS = 2.0
"""Beyond it a verdict takes effects for causes: spans carry the time of other clocks."""
RENDER = "busysignal rules, then reload Prometheus"


def look(url: str, client: httpx.Client, section: RulesSection) -> Iterator[Finding]:
    """One finding for each thing that can be wrong with a Prometheus that answers."""
    yield version(
        "Prometheus", get(client, f"{url}/api/v1/status/buildinfo")["data"]["version"], OLDEST
    )
    active = get(client, f"{url}/api/v1/targets", state="active")["data"]["activeTargets"]
    yield from targets.look(active, float(section.scrape_interval_seconds))
    yield from _rules(get(client, f"{url}/api/v1/rules")["data"]["groups"], section)
    known = get(client, f"{url}/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    yield judged(
        "Prometheus → Alertmanager", ok=bool(known),
        seen=", ".join(one["url"] for one in known) or "no Alertmanager known",
        blinds="pages and verdicts: alerts fire and reach nobody",
        remedy="render prometheus.yml again: busysignal rules",
    )  # fmt: skip
    yield from _storage(get(client, f"{url}/api/v1/status/flags")["data"], section)
    yield _clock(float(get(client, f"{url}/api/v1/query", query="time()")["data"]["result"][1]))
    yield from series.look(url, client, section)


def _rules(groups: list[dict[str, Any]], section: RulesSection) -> Iterator[Finding]:
    loaded = [rule for group in groups for rule in group["rules"]]
    broken = [rule for rule in loaded if rule["health"] == "err"]
    names = ", ".join(f"{rule['name']}: {rule.get('lastError', '')}" for rule in broken)
    yield judged(
        "rules", ok=bool(loaded) and not broken,
        seen=names or (f"{len(loaded)} loaded" if loaded else "none loaded"),
        blinds="every alert and every neutral series they make", remedy=RENDER,
    )  # fmt: skip
    wanted = {alert.name for alert in rules.alerts_in(rules.groups(section))}
    missing = sorted(wanted - {rule["name"] for rule in loaded})
    yield judged(
        "alerts", ok=not missing,
        seen=f"{len(missing)} of {len(wanted)} are not loaded: {', '.join(missing[:3])}" if missing
        else f"all {len(wanted)} are loaded",
        blinds="what those alerts tell", remedy=RENDER,
    )  # fmt: skip


def _storage(flags: dict[str, str], section: RulesSection) -> Iterator[Finding]:
    kept = flags.get("storage.tsdb.retention.time", "0s")
    kept = DEFAULT_RETENTION if parse(kept) == 0 else kept
    needed = section.scale.window(slo.PERIOD)
    sized = flags.get("storage.tsdb.retention.size", "0B") != "0B"
    yield judged(
        "Prometheus keeps", ok=sized or parse(kept) >= parse(needed), seen=f"{kept} of history",
        blinds=f"the error budget, which looks back {needed}, and the forecast's weeks",
        remedy="start it with --storage.tsdb.retention.time=45d",
    )  # fmt: skip
    exemplars = EXEMPLARS in flags.get("enable-feature", "")
    yield judged(
        "exemplars", ok=exemplars, seen="kept" if exemplars else "thrown away",
        blinds="the way from a slow bucket to its trace",
        remedy=f"start Prometheus with --enable-feature={EXEMPLARS}",
    )  # fmt: skip


def _clock(told: float) -> Finding:
    skew = told - time.time()
    return judged(
        "clock", ok=abs(skew) <= SKEW_SECONDS,
        seen=f"Prometheus is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine",
        blinds="what came first: verdicts order causes and effects by time",
        remedy="let NTP keep both clocks",
    )  # fmt: skip
