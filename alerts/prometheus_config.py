"""Prometheus' config for the stack: what to scrape, which rules to load, whom to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from alerts import yamltext
from alerts.config import RulesSection
from alerts.durations import write
from exporters.catalog.engines import REPLICA
from exporters.errors import UsageError

JOBS = ("gateway", "replica", "gpu", "probe", "node", "client", "watch", "forecast", "bridge",
        "kafka", "etcd", "config", "prometheus", "alertmanager")  # fmt: skip
LONGEST_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Target:
    """One address to scrape, its job, and the labels that say where it belongs."""

    job: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)


def render(
    section: RulesSection,
    *,
    targets: Sequence[Target] = (),
    target_files: Mapping[str, Sequence[str]] | None = None,
    alertmanagers: Sequence[str] = (),
    rule_files: Sequence[str] = ("recording.yml", "alerts.yml"),
    made_by: str = "busysignal rules",
) -> str:
    """The config as text.

    `targets` are fixed; `target_files` gives a job patterns of files to watch (file_sd) instead.
    Raises UsageError for a job that no rule knows.
    """
    interval = Fraction(str(section.scrape_interval_seconds))
    document = {
        "global": {
            "scrape_interval": write(interval),
            "scrape_timeout": write(min(interval, Fraction(LONGEST_TIMEOUT_SECONDS))),
            "evaluation_interval": write(interval),
        },
        "rule_files": list(rule_files),
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": _jobs(targets, target_files or {}),
    }
    return yamltext.write(document, made_by=made_by)


def _jobs(targets: Sequence[Target], files: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    wanted = {target.job for target in targets} | set(files)
    for job in sorted(wanted - set(JOBS)):
        raise UsageError(f"no rule knows the job {job!r}; allowed: {', '.join(JOBS)}")
    return [_job(job, targets, files.get(job, ())) for job in JOBS if job in wanted]


def _job(job: str, targets: Sequence[Target], files: Sequence[str]) -> dict[str, Any]:
    config: dict[str, Any] = {"job_name": job}
    static = [
        {"targets": [target.address]} | ({"labels": dict(target.labels)} if target.labels else {})
        for target in targets
        if target.job == job
    ]
    if static:
        config["static_configs"] = static
    if files:
        config["file_sd_configs"] = [{"files": list(files)}]
    if job == REPLICA:
        config["metric_relabel_configs"] = [_colon("vllm")]
    return config


def _colon(prefix: str) -> dict[str, Any]:
    # prometheus_client 0.23 to 0.26 writes `vllm_` for `vllm:` in OpenMetrics (its issue 1177).
    return {
        "source_labels": ["__name__"],
        "regex": f"{prefix}_(.+)",
        "target_label": "__name__",
        "replacement": f"{prefix}:$1",
    }
