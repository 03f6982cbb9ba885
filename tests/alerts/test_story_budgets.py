from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires

GATEWAY = 'job="gateway",instance="g",service="chat",model="m"'
BOARD = "http://127.0.0.1:3000/d/busysignal-service?var-service=chat"
OK = f'llm_requests_total{{{GATEWAY},outcome="ok",status="200"}}'
BUSY = f'llm_requests_total{{{GATEWAY},outcome="rejected",status="503"}}'
GONE = f'llm_requests_total{{{GATEWAY},outcome="client_gone",status="499"}}'
GOOD = f"llm_requests_good_total{{{GATEWAY}}}"
FIRST = f'llm_time_to_first_token_seconds_{{}}{{{{{GATEWAY},priority="normal"{{}}}}}}'
GAPS = f"llm_inter_token_latency_seconds_{{}}{{{{{GATEWAY}{{}}}}}}"

# By objective: every request of it, those that kept it, and the words of its alerts.
OBJECTIVES = {
    "first_token": (
        "FirstToken",
        FIRST.format("count", ""),
        FIRST.format("bucket", ',le="0.5"'),
        "of streamed answers of chat miss the objective: 99% are to begin within 0.5 s.",
    ),
    "inter_token": (
        "InterToken",
        GAPS.format("count", ""),
        GAPS.format("bucket", ',le="0.1"'),
        "of tokens of chat miss the objective: 99% are to follow within 0.1 s.",
    ),
    "goodput": (
        "Goodput",
        OK,
        GOOD,
        "of requests of chat miss the objective: 98% are to keep every level at once.",
    ),
}


def told(slo, description, query):
    annotations = {"description": description, "query": query, "dashboard_url": BOARD}
    return [Fires({"service": "chat", "slo": slo}, annotations)]


@pytest.mark.parametrize("slo", OBJECTIVES)
def test_half_of_all_missing_a_level_pages_until_it_is_over(slow_story, slo):
    prefix, every, kept, words = OBJECTIVES[slo]
    query = f'llm:slo_errors:ratio_rate5m{{slo="{slo}",service="chat"}}'

    slow_story.alerts(
        {every: "0+60x300", kept: "0+60x60 3600+30x90 6300+60x120"},
        ("60m", f"{prefix}BurnFast", []),
        ("140m", f"{prefix}BurnFast", told(slo, f"50% {words}", query)),
        ("220m", f"{prefix}BurnFast", []),
        interval="1m",
    )


@pytest.mark.parametrize("slo", OBJECTIVES)
def test_a_small_steady_loss_of_a_level_becomes_a_ticket(quick_story, slo):
    # Sixty times faster: 80 minutes here are 80 hours.
    prefix, every, kept, words = OBJECTIVES[slo]
    query = f'llm:slo_errors:ratio_rate2h{{slo="{slo}",service="chat"}}'

    quick_story.alerts(
        {every: "0+100x700", kept: "0+100x40 4000+96x360 38560+100x300"},
        ("10m", f"{prefix}BurnSlow", []),
        ("99m", f"{prefix}BurnSlow", told(slo, f"4% {words}", query)),
        ("99m", f"{prefix}BurnFast", []),
        ("170m", f"{prefix}BurnSlow", []),
    )


def test_goodput_counts_requests_that_kept_all_levels_at_once_and_not_those_whose_client_left(
    slow_story,
):
    # One in ten is late and one in ten refused: if they are the same, 90 % are good, not 81 %.
    ratio = 'llm:slo_errors:ratio_rate5m{service="chat",slo="goodput"}'

    slow_story.values(
        {OK: "0+56x60", BUSY: "0+8x60", GOOD: "0+48x60", GONE: "0+90x60"},
        ("30m", 'llm:slo_errors:ratio_rate5m{slo="goodput"}', {ratio: 0.25}),
        interval="1m",
    )


def remaining(slo="availability"):
    return f'llm:slo_budget_remaining:ratio{{slo="{slo}",service="chat"}}'


def test_a_budget_that_fails_away_within_hours_is_told_before_it_is_gone(slow_story):
    # 26 hours of 3,600 requests each allow 468 failures; 120 of them went, and 120 go each hour.
    soon = told(
        "availability",
        "At the rate of the last hour, the availability budget of chat is gone in 2h 54m 51s.",
        remaining(),
    )

    slow_story.alerts(
        {OK: "0+60x1500 90000+58x100 95800+60x200", BUSY: "0x1500 0+2x100 200x200"},
        ("1490m", "ErrorBudgetGoneSoon", []),
        ("1590m", "ErrorBudgetGoneSoon", soon),
        ("1700m", "ErrorBudgetGoneSoon", []),
        interval="1m",
    )


def test_a_used_up_budget_is_a_ticket_until_enough_is_answered_again(slow_story):
    gone = told(
        "availability",
        "The availability budget of chat is used up: -100.7% of it is left.",
        remaining(),
    )

    slow_story.alerts(
        {OK: "0+60x360 21600+54x60 24840+60x3000", BUSY: "0x360 0+6x60 360x3000"},
        ("355m", "ErrorBudgetExhausted", []),
        ("600m", "ErrorBudgetExhausted", gone),
        ("1700m", "ErrorBudgetExhausted", []),
        interval="1m",
    )


def test_bounds_that_differ_from_the_objectives_become_a_ticket(slow_story):
    def bound(name):
        return f'llm_good_request_bound_seconds{{{GATEWAY},bound="{name}"}}'

    differs = Fires(
        {"service": "chat", "bound": "duration"},
        {
            "description": "chat counts a request as good up to 2s of duration; "
            "the objectives say otherwise.",
            "query": 'llm:good_request_bound_seconds{service="chat"}',
            "dashboard_url": BOARD,
        },
    )

    slow_story.alerts(
        {
            bound("duration"): "0.5x60 2x120 0.5x60",
            bound("first_token"): "0.5x240",
            bound("inter_token"): "0.1x240",
        },
        ("59m", "GoodputBoundsDiffer", []),
        ("170m", "GoodputBoundsDiffer", [differs]),
        ("200m", "GoodputBoundsDiffer", []),
        interval="1m",
    )
