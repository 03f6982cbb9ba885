from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.tail import Kept, TailSampler

IDS = itertools.count(1)
OK, ERROR, REJECTED = "ok", "error", "rejected"


class Bench:
    """A sampler, its clock and what it kept or left out."""

    def __init__(self, **values: object) -> None:
        self.now = 0.0
        self.left_out = 0
        self.kept: list[Kept] = []
        section = TelemetrySection(**({"tail_one_in": 10} | values))
        self.sampler = TailSampler(section, self._lose, lambda: self.now)

    def _lose(self, count: int) -> None:
        self.left_out += count

    def end(self, *spans: ReadableSpan) -> None:
        for span in spans:
            self.kept += self.sampler.take(span)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.kept += self.sampler.tick()

    def drain(self) -> None:
        self.kept += self.sampler.drain()

    @property
    def roots(self) -> list[Kept]:
        return [(span, weight) for span, weight in self.kept if span.parent is None]


def made(
    name: str, trace_id: int, parent: int | None = None, *, ms: int = 1, how: str = OK,
    span_id: int | None = None, is_remote: bool = False,
) -> ReadableSpan:  # fmt: skip
    flags = TraceFlags(1)
    own = SpanContext(trace_id, span_id or next(IDS), is_remote=False, trace_flags=flags)
    above = (
        SpanContext(trace_id, parent, is_remote=is_remote, trace_flags=flags) if parent else None
    )
    status = Status(StatusCode.ERROR) if how == ERROR else Status(StatusCode.UNSET)
    attributes = {"http.response.status_code": 429} if how == REJECTED else {}
    return ReadableSpan(
        name, own, above, status=status, attributes=attributes, start_time=0, end_time=ms * 10**6
    )


def trace(
    name: str = "POST /v1", *, ms: int = 1, how: str = OK, below: str = OK
) -> list[ReadableSpan]:
    """Two phases and their root, in the order in which they end."""
    trace_id, root = next(IDS) * 7919 % 2**56, next(IDS)
    return [
        made("queue", trace_id, root, how=below),
        made("decode", trace_id, root),
        made(name, trace_id, ms=ms, how=how, span_id=root),
    ]


def weights(kept: Iterable[Kept]) -> Counter[str]:
    total: Counter[str] = Counter()
    for span, weight in kept:
        total[span.name] += weight  # type: ignore[assignment] # weights are whole
    return total


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 9_000),
        st.sampled_from([OK] * 8 + [ERROR, REJECTED]),
        st.floats(0, 20),
    ),
    max_size=80,
)


@given(EVENTS, st.integers(2, 30), st.integers(0, 3), st.integers(1, 12))
def test_weights_sum_to_the_truth_whatever_comes(events, one_in, slowest, room):
    bench = Bench(tail_one_in=one_in, tail_slowest=slowest, tail_traces=room, tail_spans=room * 2)
    truth: Counter[str] = Counter()
    open_ones: list[list[ReadableSpan]] = []
    for name, ms, how, seconds in events:
        truth[name] += 1
        *below, root = trace(name, ms=ms, how=how)
        bench.end(*below)
        open_ones.append([root])
        if len(open_ones) > 3:  # several are open at a time
            bench.end(*open_ones.pop(0))
        bench.pass_time(seconds)
    for late in open_ones:
        bench.end(*late)
    bench.drain()

    assert truth == weights(bench.roots)
    total = 3 * len(events)
    assert total == len(bench.kept) + bench.left_out
    assert len(bench.kept) == len({span.context.span_id for span, _ in bench.kept})


@given(EVENTS)
def test_every_error_and_rejection_stays_with_all_its_spans_and_weight_one(events):
    bench = Bench(tail_one_in=1_000_000, tail_window_seconds=600)
    notable: set[int] = set()
    for name, ms, how, _ in events:
        spans = trace(name, ms=ms, how=how)
        if how != OK:
            notable |= {span.context.span_id for span in spans}
        bench.end(*spans)

    assert notable == {span.context.span_id for span, _ in bench.kept}
    assert {1.0} >= {weight for _, weight in bench.kept}


@pytest.mark.parametrize("how", [ERROR, REJECTED])
def test_trouble_in_a_child_keeps_the_whole_trace(how):
    bench = Bench()
    bench.end(*trace(below=how))

    assert ["queue", "decode", "POST /v1"] == [span.name for span, _ in bench.kept]


def test_an_exception_that_was_handled_keeps_the_trace():
    bench = Bench()
    *below, root = trace()
    odd = ReadableSpan("queue", below[0].context, below[0].parent, events=[Event("exception", {})])
    bench.end(odd, root)

    assert 2 == len(bench.kept)


def test_of_a_window_the_slowest_and_one_that_speaks_for_the_others_stay():
    bench = Bench(tail_one_in=100, tail_slowest=2)
    for ms in range(1, 101):
        bench.end(*trace(ms=ms))

    told = sorted((weight, span.end_time // 10**6) for span, weight in bench.roots)
    assert [(1.0, 99), (1.0, 100)] == told[:2]
    assert (98.0, 3) == (told[2][0], len(told))
    assert 97 * 3 == bench.left_out


def test_operations_have_windows_of_their_own():
    bench = Bench(tail_one_in=10, tail_slowest=0)
    for _ in range(10):
        bench.end(*trace("often"))
    bench.end(*trace("seldom"))
    bench.pass_time(10)

    assert {"often": 10, "seldom": 1} == weights(bench.roots)


def test_a_window_closes_in_time_although_few_came():
    bench = Bench(tail_window_seconds=5, tail_slowest=0)
    for _ in range(3):
        bench.end(*trace())
    bench.pass_time(4.9)
    assert not bench.kept

    bench.pass_time(0.1)

    assert {"POST /v1": 3, "queue": 3, "decode": 3} == weights(bench.kept)


def test_a_request_that_is_still_open_after_the_bound_is_slow_and_stays_whole():
    bench = Bench(tail_trace_seconds=30)
    queue, decode, root = trace()
    bench.end(queue)
    bench.pass_time(30)
    assert [queue] == [span for span, _ in bench.kept]

    bench.end(decode, root)

    assert [queue, decode, root] == [span for span, _ in bench.kept]


def test_two_calls_of_one_trace_are_decided_apart():
    bench = Bench()
    first, second = next(IDS), next(IDS)
    bench.end(made("queue", 5, first), made("queue", 5, second, how=ERROR))
    bench.end(made("call", 5, 1, span_id=first, is_remote=True))
    assert not bench.kept

    bench.end(made("call", 5, 1, span_id=second, is_remote=True))

    assert {second} == {s.parent.span_id for s, _ in bench.kept if s.name == "queue"}
    assert 2 == len(bench.kept)


def test_a_child_that_ends_after_its_root_shares_its_fate():
    bench = Bench(tail_one_in=2, tail_slowest=0)
    chosen, other = next(IDS), next(IDS)
    bench.end(made("call", 2**50, span_id=chosen), made("call", 2**40, span_id=other))
    for parent, trace_id in ((chosen, 2**50), (other, 2**40)):
        bench.end(made("late", trace_id, parent))
    bench.end(made("late", 2**40, other, how=ERROR))

    late = [(s.parent.span_id, weight) for s, weight in bench.kept if s.name == "late"]
    assert [(chosen, 2.0), (other, 1.0)] == late


def test_like_traffic_keeps_the_same_traces_in_every_process():
    one, two = Bench(tail_slowest=0), Bench(tail_slowest=0)
    for number in range(10):
        trace_id = (number * 2_654_435_761 + 12_345) % 2**56
        for bench in (one, two):
            bench.end(made("call", trace_id))

    ((mine, _),), ((theirs, _),) = one.kept, two.kept
    assert mine.context.trace_id == theirs.context.trace_id
