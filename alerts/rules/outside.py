"""Alerts on the service seen from outside: what the canary meets, and what callers go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import CALLERS, ENDPOINT
from exporters.catalog import neutral_outside

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert

DAY_SECONDS = 86400


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """The canary first, then the callers."""
    return (
        _down(section),
        _wrong(section),
        _slow(section),
        _silent(section),
        _certificate(section),
        _retries(section),
        _give_ups(section),
        _circuit(section),
    )


def _down(section: RulesSection) -> Alert:
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_UP.value, "== 0",
        name="CanaryDown", severity="page", hold="2m", keep="2m",
        kinds=("queue_saturation", "rate_limit", "quota", "bad_deploy", "network_delay",
               "out_of_memory"),
    )  # fmt: skip


def _wrong(section: RulesSection) -> Alert:
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_WRONG.value, "> 0",
        name="CanaryWrongAnswer", severity="warning", hold="0s", keep="15m",
        kinds=("bad_deploy", "gpu_fault"),
    )  # fmt: skip


def _slow(section: RulesSection) -> Alert:
    return ENDPOINT.over(
        section, neutral_outside.CANARY_FIRST_TOKEN.value, "canary_first_token_seconds",
        name="CanaryFirstTokenSlow", severity="warning", hold="5m",
        kinds=("queue_saturation", "traffic_burst", "cold_start", "upstream_slow",
               "network_delay"),
    )  # fmt: skip


def _silent(section: RulesSection) -> Alert:
    limit = int(section.scale.window_seconds("10m"))
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_AGE.value, f"> {limit}",
        name="CanarySilent", severity="warning", hold="5m",
        kinds=("telemetry_gap", "rate_limit"),
    )  # fmt: skip


def _certificate(section: RulesSection) -> Alert:
    signal = neutral_outside.CANARY_CERTIFICATE.value
    level = ENDPOINT.level(section, "CertificateEnds", "certificate_days", signal, DAY_SECONDS)
    return ENDPOINT.alert(
        section, signal, level.under(), level=level, severity="ticket", hold="1h"
    )  # fmt: skip


def _retries(section: RulesSection) -> Alert:
    return CALLERS.over(
        section, neutral_outside.CLIENT_RETRY_SHARE.value, "client_retry_share",
        then=_enough(section), name="ClientRetryShareHigh", severity="warning", hold="5m",
        kinds=("retry_storm", "rate_limit", "network_delay", "upstream_errors"),
    )  # fmt: skip


def _give_ups(section: RulesSection) -> Alert:
    return CALLERS.over(
        section, neutral_outside.CLIENT_GIVE_UP_SHARE.value, "client_give_up_share",
        then=_enough(section), name="ClientsGiveUp", severity="warning", hold="5m",
        kinds=("rate_limit", "quota", "upstream_errors", "network_delay"),
    )  # fmt: skip


def _circuit(section: RulesSection) -> Alert:
    return CALLERS.alert(
        section, neutral_outside.CLIENT_CIRCUIT.value, "== 1",
        name="ClientCircuitOpen", severity="warning", hold="1m",
        kinds=("upstream_errors", "network_delay", "bad_deploy"),
    )  # fmt: skip


def _enough(section: RulesSection) -> str:
    """The guard against speaking of shares of nearly nothing."""
    seconds, least = int(section.scale.window_seconds("5m")), section.thresholds.minimum_requests
    requests = f"sum by (service, target) ({neutral_outside.CLIENT_REQUESTS.value})"
    return f"\nand on (service, target)\n({requests} * {seconds} >= {least})"
