"""Cost and energy: what a thousand tokens take, and what is paid for and not used."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection
from dashboards.config import Prices
from dashboards.panels import Dashboard, Money, Panel, Query, Row, TimeSeries
from dashboards.scope import drawn, lines, of, service_variable, stat, whole
from exporters.catalog import boards, neutral, neutral_hardware, neutral_parts

HOUR_SECONDS = 3600
WATTS_A_KILOWATT = 1000
POWER, GPUS = neutral_parts.SERVICE_POWER, neutral_parts.SERVICE_GPUS
BUSY = neutral_parts.SERVICE_UTILIZATION
NO_GPU = "no GPU exporter names this service"


def board(rules: RulesSection, prices: Prices) -> Dashboard:
    """Build the board of cost and energy; money is shown for configured prices alone."""
    rows = [
        Row("Over the time on screen", _now()),
        Row("For a thousand tokens", _per_tokens()),
        Row("What is held, and what of it is used", _held()),
    ]
    if prices.known:
        rows.append(Row("Money", _money(prices)))
    return whole(
        boards.COST, "What answers take in GPU time and energy.", (service_variable(),), *rows
    )


def _tokens() -> str:
    return f"sum by (service) ({of(neutral.GENERATED_TOKEN_RATE.value)})"


def _over_range(series: str) -> str:
    return f"avg_over_time({series}[$__range]) * $__range_s"


def _now() -> tuple[Panel, ...]:
    power, gpus = of(POWER.value), of(GPUS.value)
    tokens = neutral.GENERATED_TOKEN_RATE
    return (
        stat("Energy used", "What the service's GPUs drew.", POWER, _over_range(power),
             unit="joules", width=6, empty=NO_GPU),
        stat("GPU time held", "One GPU for one second, busy or not.", GPUS, _over_range(gpus),
             unit="seconds", width=6, empty=NO_GPU),
        stat("Tokens made", "What its engines put out.", tokens,
             f"sum({_over_range(of(tokens.value))})", unit="tokens", width=6),
        stat("Idle share", "Of the GPU time held: paid for, and no kernel ran.", BUSY,
             f"1 - avg_over_time({of(BUSY.value)}[$__range])", width=6, empty=NO_GPU),
    )  # fmt: skip


def _per_tokens() -> tuple[Panel, ...]:
    energy = neutral_hardware.ENERGY_PER_TOKENS
    return (
        lines("Energy per 1,000 generated tokens", "More for the same is waste.", energy,
              "energy", empty="no tokens, or no GPU", width=8),
        drawn("GPU time per 1,000 generated tokens", "Falls as batches grow.", GPUS,
              f"1000 * {of(GPUS.value)} / ({_tokens()} > 0)", "GPU time", unit="seconds",
              empty="no tokens, or no GPU", beside=(neutral.GENERATED_TOKEN_RATE,)),
        drawn("Tokens of one GPU", "What one GPU puts out.", neutral.GENERATED_TOKEN_RATE,
              f"{_tokens()} / ({of(GPUS.value)} > 0)", "tokens", empty=NO_GPU,
              beside=(GPUS,)),
    )  # fmt: skip


def _held() -> tuple[Panel, ...]:
    return (
        lines("Power of the service", "All its GPUs together.", POWER, "power", empty=NO_GPU),
        TimeSeries(
            title="GPUs held and used",
            about="The gap is paid for and idle.",
            signals=(GPUS, BUSY),
            queries=(
                Query(of(GPUS.value), "held"),
                Query(f"{of(GPUS.value)} * {of(BUSY.value)}", "busy"),
            ),
            unit="1",
            empty=NO_GPU,
        ),
        lines("GPUs busy", "Share of time in which a kernel ran.", BUSY, "busy", maximum=1,
              empty=NO_GPU),
    )  # fmt: skip


def _money(prices: Prices) -> tuple[Panel, ...]:
    priced = {GPUS: prices.gpu_hour, POWER: prices.kilowatt_hour}
    first, *beside = (signal for signal, price in priced.items() if price is not None)
    hourly = " + ".join(_hourly(prices))
    money: Any = {"unit": Money(prices.currency), "empty": NO_GPU}
    about = "At the prices of the config, section [dashboards.prices]."
    whole_range = f"avg_over_time(({hourly})[$__range:]) * $__range_s / {HOUR_SECONDS}"
    tokens = f"1000 * ({hourly}) / {HOUR_SECONDS} / ({_tokens()} > 0)"
    return (
        stat("Cost over the time on screen", about, first, whole_range, beside=(*beside,),
             width=8, height=8, **money),
        drawn("Cost of an hour", about, first, hourly, "an hour", beside=(*beside,), **money),
        drawn("Cost per 1,000 generated tokens", about, first, tokens, "1,000 tokens",
              beside=(*beside, neutral.GENERATED_TOKEN_RATE), **money),
    )  # fmt: skip


def _hourly(prices: Prices) -> list[str]:
    parts = []
    if prices.gpu_hour is not None:
        parts.append(f"{of(GPUS.value)} * {prices.gpu_hour}")
    if prices.kilowatt_hour is not None:
        parts.append(f"{of(POWER.value)} / {WATTS_A_KILOWATT} * {prices.kilowatt_hour}")
    return parts
