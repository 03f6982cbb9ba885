"""Alertmanager's config: who is told, what is one incident, and what a page silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts import yamltext

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.config import RulesSection
    from alerts.durations import Scale

SYMPTOMS = "Latency.*|Queue.*|KVCacheFull|SuccessLow|GpuThrottled.*|GpuBusy|KernelSlow.*"


def render(section: RulesSection) -> str:
    """The config as text, valid from Alertmanager 0.25 on."""
    document = {
        "global": {"resolve_timeout": section.scale.wait("5m")},
        "route": _routes(section.scale),
        "inhibit_rules": _inhibitions(),
        "receivers": _receivers(section),
    }
    return yamltext.write(document, made_by="busysignal alertmanager")


def _routes(scale: Scale) -> dict[str, Any]:
    return {
        "receiver": "quiet",
        # One incident of a service is one page, whatever number of alerts tells of it.
        "group_by": ["service"],
        "group_wait": scale.wait("30s"),
        "group_interval": scale.wait("5m"),
        "repeat_interval": scale.wait("4h"),
        "routes": [
            {
                "matchers": ['alertname = "Watchdog"'],
                "receiver": "deadman",
                "group_by": ["alertname"],
                "group_wait": "0s",
                "group_interval": scale.wait("1m"),
                "repeat_interval": scale.wait("5m"),
            },
            {"matchers": ['severity = "page"'], "receiver": "watch", "continue": True},
            {"matchers": ['severity = "page"'], "receiver": "pager"},
        ],
    }


def _inhibitions() -> list[dict[str, Any]]:
    # Only alerts that belong to a service silence others: without the label everything would match.
    # TargetDown silences no page. One dead gateway of three must not hide what the other two tell,
    # and when none answers, what they told ends by itself and shares TargetDown's one page.
    return [
        {
            "source_matchers": ['severity = "page"', 'service != ""'],
            "target_matchers": ['severity =~ "warning|ticket"'],
            "equal": ["service"],
        },
        {
            "source_matchers": ['alertname = "GpuDown"', 'service != ""'],
            "target_matchers": [f'alertname =~ "{SYMPTOMS}"'],
            "equal": ["service"],
        },
    ]


def _receivers(section: RulesSection) -> list[dict[str, Any]]:
    told = section.receivers
    return [
        _webhook("quiet", told.quiet_url),
        _webhook("watch", told.watch_url, told.watch_token_file),
        _webhook("pager", told.pager_url, told.pager_token_file),
        _webhook("deadman", told.deadman_url),
    ]


def _webhook(name: str, url: str | None, token: Path | None = None) -> dict[str, Any]:
    if url is None:
        return {"name": name}
    webhook: dict[str, Any] = {"url": url, "send_resolved": True}
    if token is not None:
        webhook["http_config"] = {"authorization": {"credentials_file": str(token)}}
    return {"name": name, "webhook_configs": [webhook]}
