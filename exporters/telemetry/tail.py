"""Tail sampling: each error, each rejection and the slowest stay; one speaks for the rest.

A trace's spans in this process wait until its local root (the span whose caller is elsewhere)
has ended. Ordinary traces of one operation then go by windows of `one_in`: the slowest stay as
they are, of the others one stays with their number as its weight. Weights sum to the truth.
The one is that with the highest random bits in its trace id, so that processes with like traffic
tend to keep the same traces.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from exporters.telemetry.head import RANDOM_BITS
from exporters.telemetry.section import TelemetrySection

Kept = tuple[ReadableSpan, float]
"""A span and how many it stands for."""

OTHER = "_other"
OPERATIONS = 100
"""Operations told apart; the rest share one window."""
_REJECTED = {429, 503}
_EXHAUSTED = {8, "8", "RESOURCE_EXHAUSTED"}


class Tree:
    """A local root's spans. `weight` is None until decided; zero means left out."""

    __slots__ = ("duration", "luck", "spans", "weight")

    def __init__(self, spans: list[ReadableSpan], root: ReadableSpan) -> None:
        self.spans = spans
        self.duration = (root.end_time or 0) - (root.start_time or 0)
        self.luck = root.context.trace_id & (2**RANDOM_BITS - 1) if root.context else 0
        self.weight: float | None = None


class Window:
    """Ordinary traces of one operation: the slowest apart, one of the others by lot."""

    def __init__(self, slowest: int, opened: float) -> None:
        self.opened = opened
        self.count = 0
        self._places = slowest
        self._numbers = itertools.count()
        self._slowest: list[tuple[int, int, Tree]] = []
        self._chosen: Tree | None = None
        self._others = 0

    def add(self, tree: Tree) -> Tree | None:
        """Take a trace in; return the one that is left out for it."""
        self.count += 1
        heapq.heappush(self._slowest, (tree.duration, next(self._numbers), tree))
        if len(self._slowest) <= self._places:
            return None
        other = heapq.heappop(self._slowest)[2]
        self._others += 1
        if self._chosen is None or other.luck > self._chosen.luck:
            self._chosen, left_out = other, self._chosen
            return left_out
        return other

    def close(self) -> Iterator[Tree]:
        """Decide on those that are left."""
        for _, _, tree in self._slowest:
            tree.weight = 1.0
            yield tree
        if self._chosen is not None:
            self._chosen.weight = float(self._others)
            yield self._chosen


class TailSampler:
    """Used by one thread. `left_out` is told how many spans were dropped on purpose.

    At most `tail_traces` traces with `tail_spans` spans wait, each for `tail_trace_seconds`;
    past a bound the oldest goes out whole, with weight one.
    """

    def __init__(
        self,
        section: TelemetrySection,
        left_out: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._section = section
        self._left_out = left_out
        self._clock = clock
        self._waiting: OrderedDict[int, tuple[float, list[ReadableSpan]]] = OrderedDict()
        self._spans = 0
        self._windows: dict[str, Window] = {}
        self._fates: OrderedDict[int, Tree] = OrderedDict()
        self._whole: OrderedDict[int, None] = OrderedDict()

    def take(self, span: ReadableSpan) -> Iterable[Kept]:
        """Take a finished span in; return what is decided by it."""
        if span.context is None:
            return [(span, 1.0)]
        if span.parent is None or span.parent.is_remote:
            return self._decide(span, span.context.trace_id)
        if (tree := self._fates.get(span.parent.span_id)) is not None:
            return self._follow(span, tree)
        if span.context.trace_id in self._whole:
            return [(span, 1.0)]
        _, spans = self._waiting.setdefault(span.context.trace_id, (self._clock(), []))
        spans.append(span)
        self._spans += 1
        return self._overflow()

    def tick(self) -> Iterator[Kept]:
        """Return what has waited long enough."""
        now = self._clock()
        while self._waiting:
            since, _ = next(iter(self._waiting.values()))
            if now - since < self._section.tail_trace_seconds:
                break
            yield from self._release()
        for name, window in list(self._windows.items()):
            if now - window.opened >= self._section.tail_window_seconds:
                yield from self._close(name)

    def drain(self) -> Iterator[Kept]:
        """Decide on everything now."""
        while self._waiting:
            yield from self._release()
        for name in list(self._windows):
            yield from self._close(name)

    def _decide(self, root: ReadableSpan, trace_id: int) -> Iterable[Kept]:
        tree = Tree([*self._descendants(root, trace_id), root], root)
        self._remember(tree)
        if trace_id in self._whole or any(map(is_notable, tree.spans)):
            tree.weight, spans, tree.spans = 1.0, tree.spans, []
            return [(span, 1.0) for span in spans]
        name = root.name
        if name not in self._windows and len(self._windows) >= OPERATIONS:
            name = OTHER
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = Window(self._section.tail_slowest, self._clock())
        if (lost := window.add(tree)) is not None:
            lost.weight = 0.0
            self._left_out(len(lost.spans))
            lost.spans = []
        return self._close(name) if window.count >= self._section.tail_one_in else ()

    def _descendants(self, root: ReadableSpan, trace_id: int) -> list[ReadableSpan]:
        """Take the root's own from the trace's spans: another root of it may still be open."""
        since, spans = self._waiting.pop(trace_id, (0.0, []))
        children: dict[int, list[ReadableSpan]] = {}
        for span in spans:
            if span.parent is not None:
                children.setdefault(span.parent.span_id, []).append(span)
        ours: list[ReadableSpan] = []
        parents = [root]
        while parents:
            context = parents.pop().context
            below = children.pop(context.span_id, []) if context is not None else []
            ours += below
            parents += below
        if left := [span for group in children.values() for span in group]:
            self._waiting[trace_id] = (since, left)
            self._waiting.move_to_end(trace_id, last=False)
        self._spans -= len(ours)
        return ours

    def _close(self, name: str) -> list[Kept]:
        trees = list(self._windows.pop(name).close())
        kept = [(span, tree.weight or 1.0) for tree in trees for span in tree.spans]
        for tree in trees:
            tree.spans = []
        return kept

    def _follow(self, span: ReadableSpan, tree: Tree) -> Iterable[Kept]:
        """A child that ended after its root shares the root's fate, unless it is notable."""
        if span.context is not None:
            self._fates[span.context.span_id] = tree
        if tree.weight is None and not is_notable(span):
            tree.spans.append(span)
            return ()
        if not tree.weight and not is_notable(span):
            self._left_out(1)
            return ()
        return [(span, tree.weight or 1.0)]

    def _overflow(self) -> Iterable[Kept]:
        kept: list[Kept] = []
        while (
            len(self._waiting) > self._section.tail_traces or self._spans > self._section.tail_spans
        ):
            kept += self._release()
        return kept

    def _release(self) -> list[Kept]:
        """Let the oldest trace go out whole; what is still to come of it will be kept, too."""
        trace_id, (_, spans) = self._waiting.popitem(last=False)
        self._spans -= len(spans)
        self._whole[trace_id] = None
        _bound(self._whole, self._section.tail_traces)
        return [(span, 1.0) for span in spans]

    def _remember(self, tree: Tree) -> None:
        for span in tree.spans:
            if span.context is not None:
                self._fates[span.context.span_id] = tree
        _bound(self._fates, self._section.tail_spans)


def _bound(table: OrderedDict[int, None] | OrderedDict[int, Tree], size: int) -> None:
    while len(table) > size:
        table.popitem(last=False)


def is_notable(span: ReadableSpan) -> bool:
    """Say whether a span tells of an error or of a request that was turned away."""
    if span.status.status_code is StatusCode.ERROR:
        return True
    attributes = span.attributes or {}
    status = attributes.get("http.response.status_code")
    if isinstance(status, int) and (status in _REJECTED or status >= 500):
        return True
    if "error.type" in attributes or attributes.get("rpc.grpc.status_code") in _EXHAUSTED:
        return True
    return any(event.name == "exception" for event in span.events)
