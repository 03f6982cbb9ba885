"""Endpoints and callers: the service from outside, as the canary and its clients find it."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards.panels import (
    Dashboard,
    Panel,
    Query,
    Row,
    StateTimeline,
    TimeSeries,
    Value,
    falling,
    rising,
)
from dashboards.scope import Chosen, choose, drawn, whole
from exporters.catalog import Recorded, Selector, boards
from exporters.catalog import neutral_outside as outside

ENDPOINT = "{{endpoint}} {{model}}"
TARGET = "{{service}} to {{target}}"
DAY_SECONDS = 86400
COLORS = {
    "ok": "green", "busy": "orange", "rejected": "orange", "timeout": "purple", "error": "red",
    "server_error": "red", "client_gone": "text",
}  # fmt: skip
"""The same outcome has the same colour for the canary and for callers."""
NO_CALLERS = "no caller is measured"


def board(rules: RulesSection) -> Dashboard:
    """Build the dashboard of endpoints and callers, coloured by the alerts' own levels."""
    levels = rules.thresholds
    asked = outside.CANARY_UP.value
    here = asked.matching(service="$service")
    return whole(
        boards.ENDPOINTS,
        "What does an answer take from outside, and what do callers make of it?",
        (choose("service", "Service", asked), choose("endpoint", "Endpoint", here)),
        Row("Now", _now(levels)),
        Row("Canary", _canary(levels)),
        Row("Callers", _callers(levels)),
    )


def _asked(selector: Selector) -> Selector:
    return selector.matching(service="$service", endpoint="$endpoint")


CANARY = Chosen(_asked, ENDPOINT, width=6, empty="no canary asks")
_stat, _lines = CANARY.stat, CANARY.lines


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _stat("Right answers", "Whether every endpoint answers as it should.",
              outside.CANARY_UP, "min",
              values=(Value(1, "all", "green"), Value(0, "not all", "red"))),
        _stat("Slowest first token", "Of all endpoints.", outside.CANARY_FIRST_TOKEN, "max",
              steps=rising(critical=levels.canary_first_token_seconds)),
        _stat("Certificate ends in", "The one that ends first.", outside.CANARY_CERTIFICATE, "min",
              steps=falling(levels.certificate_days * DAY_SECONDS), empty="no TLS"),
        _stat("Last asked", "The endpoint that was not asked for longest.",
              outside.CANARY_AGE, "max"),
    )  # fmt: skip


def _canary(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        StateTimeline(
            title="Answers",
            about="Whether the first attempt got a whole and right answer.",
            signals=(outside.CANARY_UP,),
            queries=(Query(_asked(outside.CANARY_UP.value), ENDPOINT),),
            values=(Value(0, "wrong or none", "red"), Value(1, "right", "green")),
            empty="no canary asks",
        ),
        TimeSeries(
            title="Outcomes",
            about="How every attempt ended, retries included.",
            signals=(outside.CANARY_REQUESTS,),
            queries=(_added(_asked(outside.CANARY_REQUESTS.value), "outcome"),),
            style="stacked",
            colors=COLORS,
            width=12,
            empty="no canary asks",
        ),
        _lines("Where the time goes at $endpoint",
               "Mean time of each phase; together they are the answer.",
               outside.CANARY_PHASE, "{{phase}} {{model}}", style="stacked", width=12,
               repeat="endpoint"),
        _lines("Time to the first token", "On an open connection: queue and prefill.",
               outside.CANARY_FIRST_TOKEN, width=12,
               steps=rising(critical=levels.canary_first_token_seconds)),
        _lines("Time between tokens", "Mean over the answer.", outside.CANARY_INTER_TOKEN),
        _lines("Told to come back later", "429, 503 and overloads, by the reason in the answer.",
               outside.CANARY_BUSY, f"{ENDPOINT} {{{{reason}}}}", empty="never"),
        _lines("Not what was asked for", "Another model, other text, a broken or an empty answer.",
               outside.CANARY_WRONG, f"{ENDPOINT} {{{{outcome}}}}", style="bars", empty="never"),
    )  # fmt: skip


def _added(selector: Selector, label: str) -> Query:
    return Query(f"sum by ({label}) ({selector})", f"{{{{{label}}}}}")


def _calls(title: str, about: str, signal: Recorded, part: str = "", **more: Any) -> TimeSeries:
    more.setdefault("empty", NO_CALLERS)
    return drawn(title, about, signal, signal.value, f"{TARGET} {part}".strip(), **more)


def _callers(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        TimeSeries(
            title="Requests as felt",
            about="After all attempts and fallbacks, by outcome.",
            signals=(outside.CLIENT_REQUESTS,),
            queries=(_added(outside.CLIENT_REQUESTS.value, "outcome"),),
            style="stacked",
            colors=COLORS,
            empty=NO_CALLERS,
        ),
        _calls("Time as felt", "99th percentile, over all attempts and waits.",
               outside.CLIENT_DURATION_P99),
        _calls("Retry share", "Share of attempts that were retries.",
               outside.CLIENT_RETRY_SHARE, maximum=1,
               steps=rising(critical=levels.client_retry_share)),
        _calls("Retries", "By what made them needed.", outside.CLIENT_RETRIES, "{{reason}}",
               empty="none"),
        _calls("Given up", "Failures that were not retried any more, by why.",
               outside.CLIENT_GIVE_UPS, "{{reason}}", empty="none"),
        _calls("Give-up share", "Share of requests that callers gave up.",
               outside.CLIENT_GIVE_UP_SHARE, maximum=1,
               steps=rising(critical=levels.client_give_up_share)),
        StateTimeline(
            title="Circuit breakers",
            about="Targets that some caller asks no more, or only one request at a time.",
            signals=(outside.CLIENT_CIRCUIT,),
            queries=(Query(outside.CLIENT_CIRCUIT.value, TARGET),),
            values=(Value(0, "closed", "green"), Value(1, "open", "red")),
            width=24,
            empty="no caller has a circuit breaker",
        ),
    )  # fmt: skip
