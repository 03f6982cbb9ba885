"""The loads that are forecast, read from Prometheus: requests and tokens, whole and by part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from analysis.forecast.config import ForecastSection, Load
from analysis.forecast.model import Forecast
from analysis.forecast.model import forecast as fast
from analysis.forecast.series import DAY, Series, on_grid
from exporters.catalog import neutral
from exporters.catalog import requests as raw

SECOND: Final = 1_000_000_000
RATE_WINDOW: Final = "5m"


class Metrics(Protocol):
    """Answers PromQL over a range: columns ts_ns, value and one per label."""

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame: ...


@dataclass(frozen=True)
class Question:
    """One query; `part` is the label that it splits a service's load by, empty for the whole."""

    load: Load
    part: str
    query: str


def questions() -> tuple[Question, ...]:
    """Every load: of the service, by model and by priority."""
    started = neutral.STARTED_RATE.value
    # Arrivals carry no priority; what became of them does.
    finished = f"rate({raw.REQUEST_DURATION.count.where(job='gateway')}[{RATE_WINDOW}])"
    tokens = (
        f"sum by (service) ({neutral.PROMPT_TOKEN_RATE.value})\n"
        f"+\nsum by (service) ({neutral.GENERATED_TOKEN_RATE.value})"
    )
    return (
        Question("requests", "", f"sum by (service) ({started})"),
        Question("requests", "model", f"sum by (service, model) ({started})"),
        Question("requests", "priority", f"sum by (service, priority) ({finished})"),
        Question("tokens", "", tokens),
    )


@dataclass(frozen=True)
class Told:
    """One load of one service and what is forecast of it.

    `name` is the load, with the part of it that is meant, such as `requests` or
    `requests/model/llama`; `capacity` is known of whole services alone.
    """

    service: str
    name: str
    now: float
    history: Series
    forecast: Forecast
    capacity: float | None


def tell(metrics: Metrics, section: ForecastSection, now: float | None = None) -> list[Told]:
    """Read every load and forecast it, at most `series_limit` of them, whole services first.

    Raises SourceError where Prometheus does not answer.
    """
    moment = time.time() if now is None else now
    step = section.step_seconds
    end = moment // step * step
    found: list[Told] = []
    for question in questions():
        for service, part, history in _read(metrics, question, section, end):
            if len(found) == section.series_limit:
                return found
            name = "/".join(filter(None, (question.load, question.part, part)))
            known = getattr(section.capacity, question.load)
            capacity = None if question.part else known
            said = _ask(history, section)
            found.append(Told(service, name, moment, history, said, capacity))
    return found


def _ask(history: Series, section: ForecastSection) -> Forecast:
    answer = fast
    if section.backend == "prophet":
        from analysis.forecast.prophet_backend import forecast as answer  # noqa: PLC0415 - heavy, and asked for here alone
    return answer(history, section.ahead, level=section.level, holidays=section.holidays)


def _read(
    metrics: Metrics, question: Question, section: ForecastSection, end: float
) -> Iterator[tuple[str, str, Series]]:
    """Service, part and history, up to and including `end`: what is not there is missing."""
    step = section.step_seconds
    start = end - int(section.history_days * DAY / step) * step
    frame = metrics.range(
        question.query, round(start * SECOND), round(end * SECOND), round(step * SECOND)
    )
    if not frame.height:
        return
    labels = ["service", question.part] if question.part else ["service"]
    frame = frame.with_columns(
        pl.lit("").alias(label) for label in labels if label not in frame.columns
    ).with_columns(pl.col(labels).fill_null(""))
    for key, rows in sorted(frame.group_by(labels), key=lambda pair: str(pair[0])):
        times, values = rows["ts_ns"].to_numpy() / SECOND, rows["value"].to_numpy()
        # The newest step is put in as missing where it is: the forecast begins now, not then.
        series = on_grid([*times, end], [*values, float("nan")], step)
        yield str(key[0]), str(key[1]) if question.part else "", series
