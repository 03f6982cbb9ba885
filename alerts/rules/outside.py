"""Alerts on the service seen from outside: what the canary meets, and what callers go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.promql import number, percent
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
        summary="An endpoint gives no right answer.",
        says="got no right answer for minutes",
        means="A short question, asked as a user would ask it, is refused, late, broken or "
        "answered wrongly, every time.",
        first=(
            "The dashboard says how it ended: busy, refused, timeout, tls_error, wrong_model.",
            "`busysignal probe --endpoints-only --once` asks again from here.",
        ),
        kinds=("queue_saturation", "rate_limit", "quota", "bad_deploy", "network_delay",
               "out_of_memory"),
    )  # fmt: skip


def _wrong(section: RulesSection) -> Alert:
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_WRONG.value, "> 0",
        name="CanaryWrongAnswer", severity="warning", hold="0s", keep="15m",
        summary="An endpoint answers, but not what was asked for.",
        says="got {{ $labels.outcome }}",
        means="Another model answered (a silent fallback), the usage is wrong, or the text is "
        "broken or not what it should be. Users see the same as success.",
        first=(
            "Which model answered stands in the canary's log.",
            "Look for fallbacks and for what was deployed.",
        ),
        kinds=("bad_deploy", "gpu_fault"),
    )  # fmt: skip


def _slow(section: RulesSection) -> Alert:
    limit = section.thresholds.canary_first_token_seconds
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_FIRST_TOKEN.value, f"> {number(limit)}",
        name="CanaryFirstTokenSlow", severity="warning", hold="5m",
        summary="An endpoint takes long to begin its answer.",
        says=f"waits {{{{ $value | humanizeDuration }}}} for its first token; {number(limit)} s "
        "is the limit",
        means="The prompt is a short one, so this is waiting and not work.",
        first=(
            "The phases on the dashboard tell network (connect, tls) from queue (first_token).",
        ),
        kinds=("queue_saturation", "traffic_burst", "cold_start", "upstream_slow",
               "network_delay"),
    )  # fmt: skip


def _silent(section: RulesSection) -> Alert:
    limit = int(section.scale.window_seconds("10m"))
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_AGE.value, f"> {limit}",
        name="CanarySilent", severity="warning", hold="5m",
        summary="The canary stopped asking.",
        says="last asked {{ $value | humanizeDuration }} ago",
        means="It rests because it was asked to for long (Retry-After), or it hangs.",
        first=("`canary_skipped_total` says whether it rests.", "Restart the probe if it hangs."),
        kinds=("telemetry_gap", "rate_limit"),
    )  # fmt: skip


def _certificate(section: RulesSection) -> Alert:
    days = section.thresholds.certificate_days
    return ENDPOINT.alert(
        section, neutral_outside.CANARY_CERTIFICATE.value, f"< {days * DAY_SECONDS}",
        name="CertificateEnds", severity="ticket", hold="1h",
        summary="An endpoint's TLS certificate ends soon.",
        says="is shown a certificate that ends in {{ $value | humanizeDuration }}",
        means="When it is over, every client refuses to connect.",
        first=("Renew it, and find out why that did not happen by itself.",),
        kinds=(),
    )  # fmt: skip


def _retries(section: RulesSection) -> Alert:
    limit = section.thresholds.client_retry_share
    return CALLERS.alert(
        section, neutral_outside.CLIENT_RETRY_SHARE.value,
        f"> {number(limit)}\n{_enough(section)}",
        name="ClientRetryShareHigh", severity="warning", hold="5m",
        summary="Callers spend many of their attempts on retries.",
        says=f"resend: {{{{ $value | humanizePercentage }}}} of attempts are retries; "
        f"{percent(limit)} is the limit",
        means="They feel more failures than the service's own figures show, and add to its load.",
        first=("See what made retries needed on the dashboard; ask for longer waits.",),
        kinds=("retry_storm", "rate_limit", "network_delay", "upstream_errors"),
    )  # fmt: skip


def _give_ups(section: RulesSection) -> Alert:
    limit = section.thresholds.client_give_up_share
    return CALLERS.alert(
        section, neutral_outside.CLIENT_GIVE_UP_SHARE.value,
        f"> {number(limit)}\n{_enough(section)}",
        name="ClientsGiveUp", severity="warning", hold="5m",
        summary="Callers give requests up.",
        says=f"give up {{{{ $value | humanizePercentage }}}} of their requests; "
        f"{percent(limit)} is the limit",
        means="Attempts, time or the retry budget were used up: their users got an error.",
        first=("The dashboard says why: attempts, deadline, budget, retry_after, circuit_open.",),
        kinds=("rate_limit", "quota", "upstream_errors", "network_delay"),
    )  # fmt: skip


def _circuit(section: RulesSection) -> Alert:
    return CALLERS.alert(
        section, neutral_outside.CLIENT_CIRCUIT.value, "== 1",
        name="ClientCircuitOpen", severity="warning", hold="1m",
        summary="A caller's circuit breaker is open.",
        says="hold back: a circuit breaker is open",
        means="Some caller met so many failures in a row that it asks no more. Its users get "
        "errors or another model, and the service sees less traffic than there is.",
        first=("Mend what failed first; the breaker closes by itself.",),
        kinds=("upstream_errors", "network_delay", "bad_deploy"),
    )  # fmt: skip


def _enough(section: RulesSection) -> str:
    """The guard against speaking of shares of nearly nothing."""
    seconds, least = int(section.scale.window_seconds("5m")), section.thresholds.minimum_requests
    requests = f"sum by (service, target) ({neutral_outside.CLIENT_REQUESTS.value})"
    return f"and on (service, target)\n({requests} * {seconds} >= {least})"
