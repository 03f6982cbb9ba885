from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires

GATEWAY = 'job="gateway",instance="g",service="chat",model="m"'
OK = f'llm_requests_total{{{GATEWAY},outcome="ok",status="200"}}'
BUSY = f'llm_requests_total{{{GATEWAY},outcome="rejected",status="503"}}'
GONE = f'llm_requests_total{{{GATEWAY},outcome="client_gone",status="499"}}'
SERVED = f'{GATEWAY},priority="normal",outcome="ok"'
IN_TIME = f'llm_request_duration_by_outcome_seconds_bucket{{{SERVED},le="0.5"}}'
EVERY = f"llm_request_duration_by_outcome_seconds_count{{{SERVED}}}"


def burning(objective, text):
    return [
        Fires(
            {"service": "chat", "slo": objective},
            {
                "description": text,
                "dashboard_url": "http://127.0.0.1:3000/d/busysignal-service?var-service=chat",
                "query": f'llm:slo_errors:ratio_rate5m{{slo="{objective}",service="chat"}}',
            },
        )
    ]


# promtool evaluates groups in any order, so exact numbers are asked for in steady states alone.


def firing(alert, objective):
    return (
        f'ALERTS{{alertname="{alert}",alertstate="firing",service="chat",severity="page",'
        f'slo="{objective}"}}'
    )


def test_half_of_all_answers_refused_pages_within_minutes(slow_story):
    query = 'ALERTS{alertname="AvailabilityBurnFast",alertstate="firing"}'

    slow_story.values(
        {OK: "0+60x60 3600+30x30", BUSY: "0x60 0+30x30"},
        ("62m", query, {}),
        ("80m", query, {firing("AvailabilityBurnFast", "availability"): 1}),
        interval="1m",
    )


def test_half_of_all_answers_refused_pages_until_it_is_over(slow_story):
    slow_story.alerts(
        {OK: "0+60x60 3600+30x90 6300+60x120", BUSY: "0x60 0+30x90 2700x120"},
        ("60m", "AvailabilityBurnFast", []),
        (
            "140m",
            "AvailabilityBurnFast",
            burning(
                "availability",
                "50% of requests to chat miss the objective: 99.5% of requests are to be answered.",
            ),
        ),
        ("220m", "AvailabilityBurnFast", []),
        interval="1m",
    )


def test_one_failed_request_in_an_idle_hour_pages_nobody(slow_story):
    checks = [
        (f"{minute}m", alert, [])
        for minute in (61, 63, 65, 70, 120)
        for alert in ("AvailabilityBurnFast", "AvailabilityBurnSlow", "SuccessLow")
    ]

    slow_story.alerts({OK: "0x180", BUSY: "0x60 1x120"}, *checks, interval="1m")


def test_every_request_failing_pages_although_there_are_few(slow_story):
    # One request in ten minutes, all refused.
    refused = " ".join(f"{count}x9" for count in range(1, 13))

    slow_story.alerts(
        {OK: "0x180", BUSY: f"0x60 {refused}"},
        ("60m", "AvailabilityBurnFast", []),
        ("75m", "AvailabilityBurnFast", []),
        (
            "85m",
            "AvailabilityBurnFast",
            burning(
                "availability",
                "100% of requests to chat miss the objective: "
                "99.5% of requests are to be answered.",
            ),
        ),
        interval="1m",
    )


def test_clients_that_hang_up_burn_no_budget(slow_story):
    slow_story.alerts(
        {OK: "0+60x60 3600+10x60", GONE: "0x60 0+50x60"},
        ("90m", "AvailabilityBurnFast", []),
        ("120m", "AvailabilityBurnFast", []),
        interval="1m",
    )


def test_a_slow_half_pages_for_latency(slow_story):
    slow_story.alerts(
        {EVERY: "0+60x300", IN_TIME: "0+60x60 3600+30x90 6300+60x120"},
        ("60m", "LatencyBurnFast", []),
        (
            "140m",
            "LatencyBurnFast",
            burning(
                "latency",
                "50% of requests to chat miss the objective: "
                "99% of requests are to be done in 0.5 s.",
            ),
        ),
        ("220m", "LatencyBurnFast", []),
        interval="1m",
    )


def test_one_slow_request_in_an_idle_hour_pages_nobody(slow_story):
    checks = [(f"{minute}m", "LatencyBurnFast", []) for minute in (61, 63, 65, 70)]

    slow_story.alerts({EVERY: "0x60 1x60", IN_TIME: "0x120"}, *checks, interval="1m")


@pytest.mark.parametrize(
    ("alert", "objective", "series", "text"),
    [
        (
            "AvailabilityBurnSlow",
            "availability",
            {OK: "0+98x400 39200+100x300", BUSY: "0x40 0+2x360 720x300"},
            "2% of requests to chat miss the objective: 99.5% of requests are to be answered.",
        ),
        (
            "LatencyBurnSlow",
            "latency",
            {EVERY: "0+100x700", IN_TIME: "0+100x40 4000+97x360 38920+100x300"},
            "3% of requests to chat miss the objective: 99% of requests are to be done in 0.5 s.",
        ),
    ],
)
def test_a_small_steady_loss_becomes_a_ticket_and_no_page(
    quick_story, alert, objective, series, text
):
    # Sixty times faster: 80 minutes here are 80 hours.
    [fires] = burning(objective, text)
    ticket = {**(fires.annotations or {})}
    ticket["query"] = f'llm:slo_errors:ratio_rate2h{{slo="{objective}",service="chat"}}'

    quick_story.alerts(
        series,
        ("10m", alert, []),
        ("99m", alert, [Fires(fires.labels, ticket)]),
        ("99m", alert.replace("Slow", "Fast"), []),
        ("174m", alert, []),
    )


def test_less_success_than_wanted_warns(slow_story):
    warning = {
        "description": "98% of requests to chat succeed; 99.5% is the least.",
        "dashboard_url": "http://127.0.0.1:3000/d/busysignal-service?var-service=chat",
        "query": 'llm:slo_errors:ratio_rate30m{slo="availability",service="chat"}',
    }

    slow_story.alerts(
        {OK: "0+98x200", BUSY: "0x20 0+2x60 120x120"},
        ("19m", "SuccessLow", []),
        ("75m", "SuccessLow", [Fires({"service": "chat", "slo": "availability"}, warning)]),
        ("150m", "SuccessLow", []),
        interval="1m",
    )
