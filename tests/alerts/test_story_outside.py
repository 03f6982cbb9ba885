from __future__ import annotations

from alerts.recording.outside import WRONG
from exporters.catalog.canary import OUTCOMES
from tests.alerts.conftest import Fires, together

BOARD = "http://127.0.0.1:3000/d/busysignal-endpoints"
CANARY = 'job="probe",instance="p:1",service="chat",endpoint="gateway",model="m"'
CLIENT = 'job="client",instance="c:1",service="shop",target="chat"'
AT = '{endpoint="gateway",model="m"}'


def canary_fires(text, query, **labels):
    return Fires(
        {"service": "chat", "endpoint": "gateway", "model": "m", **labels},
        {
            "description": f"The canary at gateway (m) {text}",
            "query": query,
            "dashboard_url": f"{BOARD}?var-endpoint=gateway",
        },
    )


def callers_fire(text, query):
    return Fires(
        {"service": "shop", "target": "chat"},
        {"description": f"Those who call chat {text}", "query": query, "dashboard_url": BOARD},
    )


def attempts(outcome, status="200"):
    return f'client_attempts_total{{{CLIENT},outcome="{outcome}",status="{status}"}}'


REQUESTS = {f'client_requests_total{{{CLIENT},outcome="ok"}}': "0+30x200"}

# Every row: what goes in (wrong from minute 10 to minute 40), and what is said meanwhile.
ROWS = {
    "CanaryDown": (
        {f"canary_up{{{CANARY}}}": "1x20 0x60 1x120"},
        canary_fires("got no right answer for minutes.", f"canary:up{AT}"),
    ),
    "CanaryWrongAnswer": (
        {
            f'canary_requests_total{{{CANARY},outcome="wrong_model"}}': "0x20 0+1x60 60x120",
            f'canary_requests_total{{{CANARY},outcome="busy"}}': "0+1x200",
        },
        canary_fires(
            "got wrong_model.", f"canary:wrong_answers:increase{AT}", outcome="wrong_model"
        ),
    ),
    "CanaryFirstTokenSlow": (
        {
            f"canary_time_to_first_token_seconds_sum{{{CANARY}}}": (
                "0+0.2x20 4+2x60 124+0.2x120"
            ),
            f"canary_time_to_first_token_seconds_count{{{CANARY}}}": "0+1x200",
        },
        canary_fires(
            "waits 2s for its first token; 1 s is the limit.",
            f"canary:time_to_first_token_seconds:mean{AT}",
        ),
    ),
    "CanarySilent": (
        {
            f"canary_last_attempt_timestamp_seconds{{{CANARY}}}": "0+30x20 -270+30x59 2430+30x119",
        },
        canary_fires("last asked 15m 0s ago.", f"canary:last_attempt_age_seconds{AT}"),
    ),
    "ClientRetryShareHigh": (
        REQUESTS
        | {
            f'client_retries_total{{{CLIENT},reason="status_503"}}': "0x20 0+10x60 600x120",
            attempts("ok"): "0+30x200",
            attempts("rejected", "503"): "0x20 0+10x60 600x120",
        },
        callers_fire(
            "resend: 25% of attempts are retries; 20% is the limit.",
            'client:retries:ratio{target="chat"}',
        ),
    ),
    "ClientsGiveUp": (
        REQUESTS
        | {f'client_give_ups_total{{{CLIENT},reason="deadline"}}': "0x20 0+3x60 180x120"},
        callers_fire(
            "give up 10% of their requests; 5% is the limit.",
            'client:give_ups:ratio{target="chat"}',
        ),
    ),
    "ClientCircuitOpen": (
        {
            f'client_circuit_state{{{CLIENT},state="closed"}}': "1x20 0x60 1x120",
            f'client_circuit_state{{{CLIENT},state="open"}}': "0x20 1x30 0x150",
            f'client_circuit_state{{{CLIENT},state="half_open"}}': "0x50 1x30 0x120",
        },
        callers_fire(
            "hold back: a circuit breaker is open.", 'client:circuit_open{target="chat"}'
        ),
    ),
}  # fmt: skip


def test_alerts_from_outside_are_silent_before_speak_during_and_end_after(story):
    story.alerts(*together(ROWS, silent=("9m", "61m"), firing="39m"), interval="30s")


def test_a_certificate_that_ends_within_two_weeks_becomes_a_ticket(story):
    days = 86400
    ending = canary_fires(
        "is shown a certificate that ends in 10d 0h 0m 0s; 14 days are the least.",
        f"canary:certificate_left_seconds{AT}",
    )

    story.alerts(
        {
            f"canary_certificate_expiry_timestamp_seconds{{{CANARY}}}": (
                f"{90 * days}x20 {10 * days + 1260}+60x160 {90 * days}x60"
            )
        },
        ("9m", "CertificateEnds", []),
        ("30m", "CertificateEnds", []),
        ("120m", "CertificateEnds", [ending]),
        ("190m", "CertificateEnds", []),
        interval="1m",
    )


def test_one_failed_probe_of_the_canary_pages_nobody(story):
    story.alerts(
        {f"canary_up{{{CANARY}}}": "1x20 0x2 1x40"},
        *((f"{minute}m", "CanaryDown", []) for minute in range(10, 20)),
        interval="30s",
    )


def test_of_two_canaries_at_one_endpoint_the_worse_speaks(story):
    other = CANARY.replace("p:1", "p:2")

    story.values(
        {f"canary_up{{{CANARY}}}": "1x20", f"canary_up{{{other}}}": "0x20"},
        ("4m", "canary:up", {'canary:up{service="chat",endpoint="gateway",model="m"}': 0}),
    )


def test_three_retries_of_an_idle_caller_are_no_matter(story):
    story.alerts(
        {
            f'client_requests_total{{{CLIENT},outcome="ok"}}': "0x20 1x100",
            f'client_retries_total{{{CLIENT},reason="connect"}}': "0x20 3x100",
            attempts("ok"): "0x20 1x100",
            attempts("error", "none"): "0x20 3x100",
        },
        *((f"{minute}m", "ClientRetryShareHigh", []) for minute in range(10, 30)),
        interval="30s",
    )


def test_wrong_answers_are_outcomes_of_the_canary():
    assert set(WRONG.split("|")) <= set(OUTCOMES)
