"""How long indices are kept: by the server's lifecycle, or by date where it has none."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import orjson

from exporters.telemetry.document import day
from exporters.telemetry.section import TelemetrySection

log = logging.getLogger(__name__)

SWEEP_SECONDS = 3_600.0
"""Between two looks for indices that are too old."""


class Retention:
    """Keeps `retention_days` of daily indices; 0 keeps all. Only indices of our names go."""

    def __init__(self, section: TelemetrySection, client: httpx.Client) -> None:
        self._days = section.retention_days
        self._client = client
        self._name = f"busysignal-{section.stream}"
        self._prefixes = (section.traces_prefix, section.logs_prefix)
        self._has_lifecycle = False
        self._next = 0.0

    def policy(self) -> str | None:
        """Make the lifecycle policy and return its name; None where there is no lifecycle.

        An index's age counts from its creation, at the start of its day. Raises httpx.HTTPError.
        """
        if not self._days:
            return None
        phases = {"delete": {"min_age": f"{self._days + 1}d", "actions": {"delete": {}}}}
        body = {"policy": {"phases": phases}}
        answer = self._client.put(f"_ilm/policy/{self._name}", json=body)
        if answer.status_code == 429 or answer.is_server_error:
            answer.raise_for_status()  # busy, which says nothing about the lifecycle
        self._has_lifecycle = answer.is_success
        return self._name if self._has_lifecycle else None

    def sweep(self) -> None:
        """Delete, once an hour, what is too old; what goes wrong is logged and costs nothing."""
        if not self._days or self._has_lifecycle or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SWEEP_SECONDS
        try:
            for index in self._old():
                self._client.delete(index, params={"ignore_unavailable": "true"}).raise_for_status()
                log.info("deleted %s, older than %d days", index, self._days)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            log.warning("old indices could not be deleted: %s", error)

    def _old(self) -> Iterator[str]:
        oldest = datetime.now(UTC) - timedelta(days=self._days)
        last_kept = day(int(oldest.timestamp()) // 86_400)
        for prefix in self._prefixes:
            answer = self._client.get(
                f"{prefix}-*/_settings/index.creation_date", params={"allow_no_indices": "true"}
            )
            answer.raise_for_status()
            dated = re.compile(re.escape(prefix) + r"-(\d{4}\.\d\d\.\d\d)")
            for name in orjson.loads(answer.content):
                match = dated.fullmatch(name)
                if match and match[1] < last_kept:
                    yield name
