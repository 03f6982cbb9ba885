"""Recordings of the service levels: share and number of requests that missed each objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import share
from alerts.recording.service import GATEWAY
from exporters.catalog import neutral
from exporters.catalog.requests import FAILED, REQUEST_DURATION_BY_OUTCOME, REQUESTS, SERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.config import Objectives, RulesSection
    from exporters.catalog.signal import Selector

ANSWERABLE = f"ok|{FAILED}"
"""All but `client_gone`: a request nobody waits for can neither be met nor missed."""

SLOW_WINDOWS = ("1d", "3d")


def fast(section: RulesSection) -> tuple[Recording, ...]:
    """Windows up to six hours, evaluated with everything else."""
    return _recordings(section, slow=False)


def slow(section: RulesSection) -> tuple[Recording, ...]:
    """Windows of days, which read much and change little."""
    return _recordings(section, slow=True)


def _recordings(section: RulesSection, *, slow: bool) -> tuple[Recording, ...]:
    return tuple(
        Recording(signal, query(section.scale.window(window)), {"slo": name})
        for name, (errors, failures) in _queries(section.objectives).items()
        for signals, query in ((neutral.SLO_ERRORS, errors), (neutral.SLO_FAILURES, failures))
        for window, signal in signals.items()
        if (window in SLOW_WINDOWS) is slow
    )


def _queries(objectives: Objectives) -> dict[str, tuple[Callable[[str], str], ...]]:
    bound = objectives.latency.bound_seconds
    return {
        "availability": (_failed_share, _failed),
        "latency": (lambda window: _late_share(bound, window), lambda window: _late(bound, window)),
    }


def _failed(window: str) -> str:
    failed = REQUESTS.total.where(job=GATEWAY).matching(outcome=FAILED)
    return f"sum by (service) (increase({failed}[{window}]))"


def _failed_share(window: str) -> str:
    failed = REQUESTS.total.where(job=GATEWAY).matching(outcome=FAILED)
    answerable = REQUESTS.total.where(job=GATEWAY).matching(outcome=ANSWERABLE)
    return share(
        f"sum by (service) (rate({failed}[{window}]))",
        f"sum by (service) (rate({answerable}[{window}]))",
    )


def _late(bound: float, window: str) -> str:
    every, in_time = _served(bound)
    return (
        f"sum by (service) (increase({every}[{window}]))\n-\n"
        f"sum by (service) (increase({in_time}[{window}]))"
    )


def _late_share(bound: float, window: str) -> str:
    every, in_time = _served(bound)
    return (
        f"1 - sum by (service) (rate({in_time}[{window}]))\n/\n"
        f"(sum by (service) (rate({every}[{window}])) > 0)"
    )


def _served(bound: float) -> tuple[Selector, Selector]:
    """Requests answered well, all and in time; what failed has missed the other objective."""
    served = {"job": GATEWAY, "outcome": SERVED}
    histogram = REQUEST_DURATION_BY_OUTCOME
    return histogram.count.where(**served), histogram.le(bound).where(**served)
