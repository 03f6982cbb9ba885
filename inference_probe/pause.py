"""Whether the service is so busy that the probe should hold back, if the operator asks for that."""

from __future__ import annotations

import logging
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from inference_probe.config import PauseSection
from inference_probe.state import Reading

log = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 2.0


class Pause:
    """Looks at the device, and at a metrics page or Prometheus, before a round."""

    def __init__(self, section: PauseSection) -> None:
        self._section = section
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def reason(self, before: Reading) -> str | None:
        """Why this round should be left out, or None."""
        limit = self._section.above_utilization
        if limit is not None and before.utilization is not None and before.utilization > limit:
            return "utilization"
        if self._section.url is None:
            return None
        value = self._asked(self._section.url, self._section.query)
        return "saturated" if value is not None and value > self._section.above else None

    def _asked(self, url: str, query: str) -> float | None:
        """The value now; None where nobody can say, which is no reason to hold back."""
        try:
            if url.endswith("/metrics"):
                return _sum_of(self._get(url).text, query)
            return _highest(self._get(f"{url}/api/v1/query", query=query).json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("%s does not say whether the service is saturated: %s", url, error)
            return None

    def _get(self, url: str, **parameters: str) -> httpx.Response:
        return self._client.get(url, params=parameters).raise_for_status()


def _sum_of(page: str, series: str) -> float | None:
    found = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == series
    ]
    return sum(found) if found else None


def _highest(answer: Any) -> float | None:
    values = [float(series["value"][1]) for series in answer["data"]["result"]]
    return max(values, default=None)
