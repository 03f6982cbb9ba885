"""What Prometheus scrapes: that it answers, under a job and labels that rules can select by."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from alerts.durations import parse
from alerts.prometheus_config import JOBS
from analysis.doctor.finding import Finding, judged

Target = dict[str, Any]

NEEDED = {"gateway": ("service",), "replica": ("service", "replica")}
"""Labels without which a target's series belong to nothing."""
SLOW_SHARE = 0.8
"""Of its timeout; a scrape that takes longer will soon be missing."""


def look(active: list[Target], interval_seconds: float) -> Iterator[Finding]:
    """Findings for each job."""
    jobs: dict[str, list[Target]] = {}
    for target in active:
        jobs.setdefault(target["labels"]["job"], []).append(target)
    for job, members in sorted(jobs.items()):
        yield _up(job, members)
        if job not in JOBS:
            yield _unknown(job)
        yield from _unlabelled(job, members)
        yield from _seldom(job, members, interval_seconds)
        yield from _slow(job, members)


def _up(job: str, members: list[Target]) -> Finding:
    down = [member for member in members if member["health"] != "up"]
    errors = "; ".join(f"{m['scrapeUrl']}: {m['lastError']}" for m in down)
    return judged(
        f"target {job}", ok=not down, seen=errors or f"{len(members)} up",
        blinds=f"everything that {job} measures",
        remedy="start the exporter, or correct its address",
    )  # fmt: skip


def _unknown(job: str) -> Finding:
    near = difflib.get_close_matches(job, JOBS, n=1, cutoff=0.4)
    meant = f"{near[0]!r}?" if near else f"one of {', '.join(JOBS)}?"
    return Finding(
        f"job {job}", ok=False, seen="no rule selects by this job",
        blinds=f"everything that {job} measures: it is stored and read by nothing of ours",
        remedy=f"name the job as rules do; meant is {meant}",
    )  # fmt: skip


def _unlabelled(job: str, members: list[Target]) -> Iterator[Finding]:
    for label in NEEDED.get(job, ()):
        without = [m["scrapeUrl"] for m in members if not m["labels"].get(label)]
        if without:
            yield Finding(
                f"label {label} of {job}", ok=False, seen=f"missing at {', '.join(without)}",
                blinds=f"which {label} it is that alerts, boards and verdicts speak of",
                remedy=f"add the label to the target: labels: {{{label}: NAME}}",
            )  # fmt: skip


def _seldom(job: str, members: list[Target], interval_seconds: float) -> Iterator[Finding]:
    slowest = max(float(parse(m.get("scrapeInterval", "0s"))) for m in members)
    if slowest > interval_seconds:
        yield Finding(
            f"interval of {job}", ok=False,
            seen=f"scraped every {slowest:g} s; the rules are rendered for {interval_seconds:g} s",
            blinds="windows of short rules: they hold too few samples to tell a rate",
            remedy="scrape as often, or set rules.scrape_interval_seconds and render again",
        )  # fmt: skip


def _slow(job: str, members: list[Target]) -> Iterator[Finding]:
    for member in members:
        took, limit = member["lastScrapeDuration"], float(parse(member.get("scrapeTimeout", "10s")))
        if member["health"] == "up" and took > SLOW_SHARE * limit:
            yield Finding(
                f"scrape of {job}", ok=False,
                seen=f"{member['scrapeUrl']} took {took:.1f} s of {limit:g} s",
                blinds="samples, as soon as it takes a little longer",
                remedy="find what is slow there, or raise scrape_timeout",
            )  # fmt: skip
