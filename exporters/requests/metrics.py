"""The request exporter's values: what the middleware and the app write while they serve."""

from __future__ import annotations

import contextlib
import functools
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from threading import RLock
from typing import Concatenate, ParamSpec

from exporters.catalog import requests as signals
from exporters.catalog.goodput import GOOD, Bounds
from exporters.catalog.stack import METRICS_ERRORS
from exporters.exposition.registry import Registry
from exporters.exposition.storage import HistogramChild
from exporters.requests.annotations import Annotations
from exporters.requests.series import DETAIL, MARGINS, Ending, ModelSeries, show_bounds

OTHER = "_other"
NO_PRIORITY = "normal"

SECONDS = signals.REQUEST_DURATION.buckets
MAX_ENDINGS = 4096
"""Kinds of ending remembered for each model; past them, each is looked up anew."""

Streaming = tuple[float, float, list[int]]
"""Seconds to the first chunk and on to the last one, and the gaps between chunks by bucket."""

P = ParamSpec("P")


def harmless(
    method: Callable[Concatenate[RequestMetrics, P], None],
) -> Callable[Concatenate[RequestMetrics, P], None]:
    """Keep whatever goes wrong inside from the request that is being served, and count it."""

    @functools.wraps(method)
    def guarded(self: RequestMetrics, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001 - the point: measuring never breaks serving
            self.failed()

    return guarded


class RequestMetrics:
    """The llm_* series of one service process.

    `models` are the names that may appear as a label; others count as `_other`. With exactly one,
    requests belong to it until the app names another; with none, all are `_other` from the start.
    With several, a request that nobody names is counted as started when it ends.

    `llm_request_duration_seconds` is that of all requests, the refused ones too: while a service
    sheds load, its quick refusals pull it down. `llm_request_duration_by_outcome_seconds` keeps
    them apart. `good` is what a good request keeps: what the rules' service levels say. `trace_id`
    tells the trace under way, or None; its id becomes the exemplar of the request's buckets.
    `workers` is a folder that all worker processes of the service name, so that each of them shows
    the sum of all. `/metrics` reads `collect_text()`.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        *,
        workers: Path | str | None = None,
        models: Collection[str] = (),
        priorities: Collection[str] = signals.PRIORITIES,
        reasons: Collection[str] = signals.REASONS,
        trace_id: Callable[[], str | None] | None = None,
        good: Bounds = GOOD,
    ) -> None:
        self.registry = Registry(workers=workers) if registry is None else registry
        self._priorities = tuple(priorities)
        self._reasons = tuple(reasons)
        self.serial = RLock()
        """Held by whoever counts from several threads; one event loop needs none."""
        self._trace_id = trace_id
        self._good = show_bounds(self.registry, good)
        self._errors = self.registry.counter(METRICS_ERRORS).labels()
        for margin in MARGINS:
            self.registry.margin(margin, of=DETAIL, hidden=True)
        self._other = ModelSeries(self.registry, OTHER)
        self._models = {name: ModelSeries(self.registry, name) for name in models}
        known = list(self._models.values()) or [self._other]
        for series in known:
            series.start_at_zero(self._priorities, self._reasons)
        self._default = known[0] if len(known) == 1 else None

    @property
    def models(self) -> tuple[str, ...]:
        """The names that may appear as a label."""
        return tuple(self._models)

    def collect_text(self) -> str:
        return self.registry.collect_text()

    def parts(self, *, openmetrics: bool = False) -> Iterator[str]:
        """The page in batches, between which an event loop gets its turn."""
        return self.registry.parts(openmetrics=openmetrics)

    def collect_openmetrics(self) -> str:
        return self.registry.collect_openmetrics()

    def failed(self) -> None:
        """Count an error inside measuring code."""
        with contextlib.suppress(Exception):  # where even counting fails there is nowhere to go
            self._errors.inc()

    # ---- written by the middleware, once when a request comes and once when it has ended;
    # one event loop writes these series, so that nothing on a request's way takes a lock

    def arrived(self, request: TrackedRequest, model: str | None) -> None:
        """Open a request; its start is counted as soon as its model is known."""
        series = self._default if model is None else self._series(model)
        if series is None:
            request.series = self._other
            request.is_start_counted = False
        else:
            request.series = series
            series.started.cell[0] += 1.0
            if request.is_resent:
                series.resent.cell[0] += 1.0
        request.series.in_flight.cell[0] += 1.0

    @harmless
    def named(self, request: TrackedRequest, model: str) -> None:
        """Move an open request to the model that the app found in its body."""
        if not request.is_complete:
            request.series.in_flight.cell[0] -= 1.0
            request.series = self._series(model)
            request.series.in_flight.cell[0] += 1.0
            if not request.is_start_counted:
                _count_start(request)

    def finished(
        self,
        request: TrackedRequest,
        outcome: str,
        status: int | str,
        seconds: float,
        streaming: Streaming | None = None,
    ) -> None:
        """Close a request and count how it ended and what the app said of it."""
        series = request.series
        series.in_flight.cell[0] -= 1.0
        if not request.is_start_counted:
            _count_start(request)
        key = (outcome, status, request.priority, request.route)
        ending = series.endings.get(key) or self._ending(series, *key)
        ending.requests.cell[0] += 1.0
        bucket = bisect_left(SECONDS, seconds)
        cell = ending.duration.cell
        cell[bucket] += 1
        cell[-1] += seconds
        if outcome != "ok":
            if outcome == "rejected":
                series.rejected(self._reason(request.reason, status)).inc()
        else:
            if series.is_cold:
                series.warm_up(status, seconds)
            if self._good.kept(seconds, streaming):
                series.good.cell[0] += 1.0
        if request.prompt_tokens is not None:
            series.prompt_tokens.inc(request.prompt_tokens)
            series.prompt_length.observe(request.prompt_tokens)
        if request.cached_tokens is not None:
            series.cached_tokens.inc(request.cached_tokens)
        if request.generated_tokens is not None:
            series.generated_tokens.inc(request.generated_tokens)
        if streaming is not None:
            self._streamed(request, *streaming)
        if self._trace_id is not None:
            self._exemplify(request, ending, bucket, seconds, streaming)

    def _streamed(
        self, request: TrackedRequest, to_first: float, first_to_last: float, gaps: list[int]
    ) -> None:
        """Merge one response's own histogram of gaps between chunks into its model's."""
        self._first_token(request).observe(to_first)
        total = request.series.gaps.cell
        total[-1] += first_to_last
        for bucket, count in enumerate(gaps):
            if count:
                total[bucket] += count

    def _exemplify(
        self,
        request: TrackedRequest,
        ending: Ending,
        bucket: int,
        seconds: float,
        streaming: Streaming | None,
    ) -> None:
        trace_id = request.trace_id or (self._trace_id and self._trace_id())
        if not trace_id:
            return
        ending.duration.exemplify(bucket, seconds, trace_id)
        if streaming is not None:
            first = self._first_token(request)
            first.exemplify(bisect_left(first.bounds, streaming[0]), streaming[0], trace_id)

    # ---- written by the app

    @harmless
    def queue_depth(self, depth: int, *, model: str, priority: str = NO_PRIORITY) -> None:
        """Say how many admitted requests wait now."""
        labels = (self._model(model), closed(priority, self._priorities))
        self.registry.gauge(signals.QUEUE_DEPTH).set(depth, *labels)

    @harmless
    def queue_wait(self, seconds: float, *, model: str, priority: str = NO_PRIORITY) -> None:
        """Count how long one admitted request waited."""
        labels = (self._model(model), closed(priority, self._priorities))
        self.registry.histogram(signals.QUEUE_WAIT).observe(seconds, *labels)

    @harmless
    def attempt(self, replica: str, outcome: str, seconds: float) -> None:
        """Count one call to a replica, to its last byte."""
        ending = closed(outcome, signals.OUTCOMES)
        self.registry.counter(signals.ATTEMPTS).inc(1.0, replica, ending)
        self.registry.histogram(signals.ATTEMPT_DURATION).observe(seconds, replica)

    @harmless
    def ejected(self, replica: str, *, is_ejected: bool) -> None:
        """Say whether outlier ejection keeps a replica out of rotation."""
        self.registry.gauge(signals.REPLICA_EJECTED).set(float(is_ejected), replica)

    @harmless
    def fallback(self, model: str) -> None:
        """Count a request that the fallback of `model` answered."""
        self.registry.counter(signals.FALLBACKS).inc(1.0, self._model(model))

    @harmless
    def upstream(self, name: str, outcome: str, seconds: float) -> None:
        """Count one call to a service that requests depend on."""
        ending = closed(outcome, signals.OUTCOMES)
        self.registry.histogram(signals.UPSTREAM_DURATION).observe(seconds, name, ending)

    # ---- closed label sets

    def _series(self, model: str) -> ModelSeries:
        return self._models.get(model, self._other)

    def _model(self, name: str) -> str:
        return name if name in self._models else OTHER

    def _ending(
        self,
        series: ModelSeries,
        outcome: str,
        status: int | str,
        priority: str | None,
        route: str | None,
    ) -> Ending:
        known = closed(NO_PRIORITY if priority is None else priority, self._priorities)
        found = series.ending(outcome, str(status), known, OTHER if route is None else route)
        if priority in {None, known} and len(series.endings) < MAX_ENDINGS:
            series.endings[outcome, status, priority, route] = found
        return found

    def _first_token(self, request: TrackedRequest) -> HistogramChild:
        given = request.priority
        found = request.series.first_tokens.get(given)
        if found is not None:
            return found
        known = closed(NO_PRIORITY if given is None else given, self._priorities)
        return request.series.first_token(given, known)

    def _reason(self, given: str | None, status: int | str) -> str:
        if given is None and status == 429:
            given = "rate_limit"
        return closed(given, self._reasons)


class TrackedRequest(Annotations):
    """A request under way: what the app says of it, and where it is counted."""

    metrics: RequestMetrics
    series: ModelSeries
    is_resent = False
    is_complete = False
    is_start_counted = True

    def _named(self, model: str) -> None:
        self.metrics.named(self, model)


def closed(value: str | None, allowed: Collection[str]) -> str:
    """Return the value if its label set has it, and `_other` if not."""
    return value if value is not None and value in allowed else OTHER


def _count_start(request: TrackedRequest) -> None:
    request.is_start_counted = True
    request.series.started.cell[0] += 1.0
    if request.is_resent:
        request.series.resent.cell[0] += 1.0
