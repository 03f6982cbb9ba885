"""What callers go through against real local servers in bad weather, the same in each library."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from exporters.clients import NO_RETRY, CircuitPolicy, Fallback, RetryPolicy, call
from exporters.clients.circuits import Circuits
from exporters.clients.metrics import ClientMetrics
from exporters.clients.retry_after import retry_after_seconds
from tests.endpoints import Wire, endpoint
from tests.exporters.clients.libraries import (
    ERRORS,
    FAST,
    LIBRARIES,
    TIMEOUTS,
    Send,
    caller,
    read,
    told,
)

PATIENT = 5.0


@pytest.fixture(params=LIBRARIES)
def send(request: pytest.FixtureRequest) -> Send:
    return LIBRARIES[request.param]


def in_turn(*steps: Any) -> Any:
    """Answer each request by its step; the last step stays."""

    def script(wire: Wire) -> None:
        step = steps[min(wire.number, len(steps) - 1)]
        if callable(step):
            step(wire)
        else:
            status, *headers = step
            wire.answer(status, '{"error": "busy"}' if status[0] != "2" else "fine", *headers)

    return script


OK = ("200 OK",)
BUSY = ("503 Service Unavailable",)
LIMITED = ("429 Too Many Requests",)


def test_a_good_answer_is_one_attempt_and_its_body_is_untouched(send: Send) -> None:
    one = caller()
    with endpoint(in_turn(OK)) as served:
        answer = send(one, served.url)

    assert answer == (200, b"fine")
    assert told(one, "client_requests_total") == {("chat", "ok"): 1}
    assert told(one, "client_attempts_total") == {("chat", "ok", "200"): 1}
    assert told(one, "client_retries_total") == {}
    assert told(one, "client_requests_in_flight") == {}
    assert read(one, "client_time_to_first_byte_seconds_count", target="chat") == 1
    assert read(one, "busysignal_metrics_errors_total") == 0


def test_a_busy_server_is_asked_again_and_every_attempt_is_counted(send: Send) -> None:
    one = caller()
    with endpoint(in_turn(BUSY, LIMITED, OK)) as served:
        answer = send(one, served.url)
        resent = [headers.get("x-stainless-retry-count") for headers, _ in served.requests]
        bodies = [body for _, body in served.requests]

    assert answer == (200, b"fine")
    assert told(one, "client_attempts_total") == {
        ("chat", "rejected", "503"): 1, ("chat", "rejected", "429"): 1, ("chat", "ok", "200"): 1,
    }  # fmt: skip
    assert told(one, "client_retries_total") == {
        ("chat", "status_503"): 1, ("chat", "status_429"): 1,
    }  # fmt: skip
    assert told(one, "client_requests_total") == {("chat", "ok"): 1}
    assert resent == [None, "1", "2"]
    assert bodies == [{"model": "tiny", "prompt": "hello"}] * 3


def test_retry_after_is_waited_for_and_told_apart_from_own_backoff(send: Send) -> None:
    one = caller()
    with endpoint(in_turn((*LIMITED, "retry-after: 1"), OK)) as served:
        began = time.monotonic()
        send(one, served.url)
        took = time.monotonic() - began

    assert took >= 1
    assert read(one, "client_retry_wait_seconds_total", source="retry_after") == 1
    assert 0 < (read(one, "client_retry_wait_seconds_total", source="backoff") or 0) <= 0.02
    assert (read(one, "client_request_duration_seconds_sum", outcome="ok") or 0) >= 1


def test_retry_after_may_be_a_date(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    one = caller()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    soon = format_datetime(now + timedelta(seconds=1), usegmt=True)

    def held(value: str | None, _: Any) -> float | None:
        """With a clock that stands: a busy machine may lose seconds before it looks."""
        return retry_after_seconds(value, now.timestamp)

    monkeypatch.setattr(call, "retry_after_seconds", held)
    with endpoint(in_turn((*BUSY, f"retry-after: {soon}"), OK)) as served:
        send(one, served.url)

    assert read(one, "client_retry_wait_seconds_total", source="retry_after") == 1


def test_who_asks_for_too_much_rest_is_given_up(send: Send) -> None:
    one = caller()
    with endpoint(in_turn((*BUSY, "retry-after: 3600"))) as served:
        status, _ = send(one, served.url)

    assert status == 503
    assert told(one, "client_give_ups_total") == {("chat", "retry_after"): 1}
    assert told(one, "client_requests_total") == {("chat", "rejected"): 1}


def test_the_last_refusal_reaches_the_caller_as_it_is(send: Send) -> None:
    one = caller(retry=RetryPolicy(attempts=3, backoff_seconds=0.01))
    with endpoint(in_turn(BUSY)) as served:
        answer = send(one, served.url)

    assert answer == (503, b'{"error": "busy"}')
    assert told(one, "client_give_ups_total") == {("chat", "attempts"): 1}
    assert told(one, "client_attempts_total") == {("chat", "rejected", "503"): 3}


def test_who_never_tries_again_gives_nothing_up(send: Send) -> None:
    one = caller(retry=NO_RETRY)
    with endpoint(in_turn(BUSY)) as served:
        assert send(one, served.url)[0] == 503

    assert told(one, "client_give_ups_total") == {}
    assert told(one, "client_attempts_total") == {("chat", "rejected", "503"): 1}


def test_a_post_that_the_server_may_have_begun_is_not_sent_twice(send: Send) -> None:
    one = caller()
    with endpoint(in_turn(("502 Bad Gateway",))) as served:
        assert send(one, served.url)[0] == 502
        assert send(one, served.url, headers={"Idempotency-Key": "1"})[0] == 502
        assert len(served.requests) == 1 + FAST.attempts

    assert told(one, "client_give_ups_total") == {
        ("chat", "not_repeatable"): 1, ("chat", "attempts"): 1,
    }  # fmt: skip


def test_a_connection_that_is_reset_is_made_again(send: Send) -> None:
    one = caller()
    with endpoint(in_turn(lambda wire: wire.reset(), OK)) as served:
        answer = send(one, served.url, "GET", json=None)

    assert answer == (200, b"fine")
    assert told(one, "client_retries_total") == {("chat", "reset"): 1}
    assert told(one, "client_attempts_total") == {
        ("chat", "error", "none"): 1, ("chat", "ok", "200"): 1,
    }  # fmt: skip


def test_a_server_that_hangs_is_a_timeout_and_the_callers_own_error(send: Send) -> None:
    one = caller(retry=RetryPolicy(attempts=2, backoff_seconds=0.01, repeat_posts=True))
    with endpoint(lambda wire: wire.wait()) as served, pytest.raises(TIMEOUTS):
        send(one, served.url, timeout=0.2)

    assert told(one, "client_retries_total") == {("chat", "timeout"): 1}
    assert told(one, "client_requests_total") == {("chat", "timeout"): 1}
    assert told(one, "client_requests_in_flight") == {}


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def test_nobody_listening_is_tried_again_even_for_a_post(send: Send) -> None:
    one = caller(retry=RetryPolicy(attempts=2, backoff_seconds=0.01))
    with pytest.raises(ERRORS):
        send(one, closed_port())

    assert told(one, "client_retries_total") == {("chat", "connect"): 1}
    assert told(one, "client_requests_total") == {("chat", "error"): 1}


def test_a_deadline_bounds_all_attempts_together(send: Send) -> None:
    one = caller(retry=RetryPolicy(attempts=9, backoff_seconds=0.01, deadline_seconds=0.5))
    with endpoint(in_turn((*BUSY, "retry-after: 0.2"))) as served:
        began = time.monotonic()
        assert send(one, served.url)[0] == 503

    assert time.monotonic() - began < 2
    assert told(one, "client_give_ups_total") == {("chat", "deadline"): 1}


def test_an_outage_is_not_answered_by_a_storm_of_retries(send: Send) -> None:
    policy = RetryPolicy(
        attempts=9, backoff_seconds=0.001, backoff_cap_seconds=0.002, budget_reserve=2.0
    )
    one = caller(retry=policy)
    with endpoint(in_turn(BUSY)) as served:
        for _ in range(6):
            send(one, served.url)
        asked = len(served.requests)

    assert asked <= 6 + 2 + 6 * 0.2
    assert told(one, "client_give_ups_total") == {("chat", "budget"): 6}


def test_a_circuit_opens_refuses_lets_one_through_and_closes(send: Send) -> None:
    once = RetryPolicy(attempts=1)
    one = caller(retry=once, circuit=CircuitPolicy(failures=2, open_seconds=1.0))
    with endpoint(in_turn(BUSY, BUSY, OK)) as served:
        send(one, served.url)
        send(one, served.url)
        assert state(one) == "open"
        with pytest.raises(ERRORS, match="circuit of chat is open"):
            send(one, served.url)
        asked = len(served.requests)
        time.sleep(1.05)
        assert send(one, served.url)[0] == 200

    assert asked == 2
    assert state(one) == "closed"
    assert read(one, "client_circuit_opened_total", target="chat") == 1
    assert read(one, "client_circuit_refusals_total", target="chat") == 1
    assert told(one, "client_give_ups_total")[("chat", "circuit_open")] == 1


def state(one: Any) -> str:
    return next(state for _, state in told(one, "client_circuit_state"))


def test_a_trial_that_fails_opens_the_circuit_again(send: Send) -> None:
    circuit = CircuitPolicy(failures=1, open_seconds=0.2)
    one = caller(retry=RetryPolicy(attempts=1), circuit=circuit)
    with endpoint(in_turn(BUSY)) as served:
        send(one, served.url)
        time.sleep(0.25)
        send(one, served.url)

    assert state(one) == "open"
    assert read(one, "client_circuit_opened_total", target="chat") == 2


def test_a_half_open_circuit_lets_one_request_through_at_a_time() -> None:
    circuits = Circuits(CircuitPolicy(failures=1, open_seconds=0.05), ClientMetrics())
    assert circuits.enter("a")
    circuits.leave("a", failed=True)
    time.sleep(0.06)
    entered: list[bool] = []
    threads = [
        threading.Thread(target=lambda: entered.append(circuits.enter("a"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(entered) == [False] * 7 + [True]
    circuits.leave("a", failed=None)
    assert circuits.enter("a"), "a trial that was cancelled gives its place back"


def test_a_limited_target_is_alive_to_its_circuit(send: Send) -> None:
    one = caller(retry=RetryPolicy(attempts=1), circuit=CircuitPolicy(failures=1))
    with endpoint(in_turn(LIMITED)) as served:
        send(one, served.url)
        assert send(one, served.url)[0] == 429

    assert state(one) == "closed"


def test_a_fallback_answers_what_the_first_cannot_and_learns_no_secret(send: Send) -> None:
    with endpoint(in_turn(BUSY)) as first, endpoint(in_turn(OK)) as second:
        spare = Fallback(
            name="spare",
            url=f"http://127.0.0.1:{second.port}/api",
            model="small",
            headers={"x-key": "theirs"},
        )
        one = caller(retry=RetryPolicy(attempts=2, backoff_seconds=0.01), fallbacks=(spare,))
        secret = {"authorization": "Bearer s", "x-other": "kept"}
        answer = send(one, f"{first.url}/completions?x=1", headers=secret)
        headers, body = second.requests[0]

    assert answer == (200, b"fine")
    assert body == {"model": "small", "prompt": "hello"}
    assert "authorization" not in headers
    assert (headers["x-key"], headers["x-other"]) == ("theirs", "kept")
    assert headers["host"] == f"127.0.0.1:{second.port}"
    assert told(one, "client_fallbacks_total") == {("chat", "spare", "ok"): 1}
    assert told(one, "client_requests_total") == {("chat", "ok"): 1}
    assert told(one, "client_attempts_total") == {
        ("chat", "rejected", "503"): 2, ("spare", "ok", "200"): 1,
    }  # fmt: skip


def test_an_open_circuit_goes_straight_to_the_fallback(send: Send) -> None:
    with endpoint(in_turn(BUSY)) as first, endpoint(in_turn(OK)) as second:
        one = caller(
            retry=RetryPolicy(attempts=1),
            circuit=CircuitPolicy(failures=1),
            fallbacks=(Fallback(name="spare", url=f"http://127.0.0.1:{second.port}"),),
        )
        answers = [send(one, first.url)[0] for _ in range(3)]
        asked = len(first.requests)

    assert answers == [200, 200, 200]
    assert asked == 1
    assert told(one, "client_fallbacks_total") == {("chat", "spare", "ok"): 3}


def test_an_internal_error_is_not_repeated_but_answered_elsewhere(send: Send) -> None:
    with endpoint(in_turn(("500 Oh",))) as first, endpoint(in_turn(OK)) as second:
        spare = Fallback(name="spare", url=f"http://127.0.0.1:{second.port}")
        one = caller(fallbacks=(spare,))
        answer = send(one, first.url)
        asked = len(first.requests)

    assert (answer, asked) == ((200, b"fine"), 1)
    assert told(one, "client_attempts_total") == {
        ("chat", "error", "500"): 1, ("spare", "ok", "200"): 1,
    }  # fmt: skip


def test_an_error_of_the_callers_own_is_neither_retried_nor_sent_elsewhere(send: Send) -> None:
    with endpoint(in_turn(("400 Bad Request",))) as first, endpoint(in_turn(OK)) as second:
        spare = Fallback(name="spare", url=f"http://127.0.0.1:{second.port}")
        one = caller(fallbacks=(spare,))
        status, _ = send(one, first.url)
        elsewhere = second.requests

    assert (status, elsewhere) == (400, [])
    assert told(one, "client_requests_total") == {("chat", "ok"): 1}, "the service did its part"


def test_a_retried_attempt_is_a_span_linked_to_the_first_and_carries_its_own_context(
    send: Send,
) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracer = provider.get_tracer("test")
    one = caller(tracer=tracer)
    with endpoint(in_turn(BUSY, OK)) as served:
        with tracer.start_as_current_span("work") as parent:
            send(one, f"{served.url}?key=secret")
        sent = [headers["traceparent"] for headers, _ in served.requests]
    first, second, _ = spans.get_finished_spans()

    assert [link.context for link in second.links] == [first.context]
    assert first.parent == second.parent == parent.get_span_context()
    assert sent == [
        f"00-{trace.format_trace_id(span.context.trace_id)}-"
        f"{trace.format_span_id(span.context.span_id)}-{span.context.trace_flags:02x}"
        for span in (first, second)
    ]
    assert dict(first.attributes or {}) == {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": served.port,
        "url.full": served.url,
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert (second.attributes or {})["http.request.resend_count"] == 1
    assert first.status.status_code.name == "ERROR"


def test_a_measuring_error_never_reaches_the_caller(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = caller()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("measuring is broken")

    for kind in ("_counter", "_gauge", "_histogram"):
        monkeypatch.setattr(one.metrics, kind, broken)
    monkeypatch.setattr("opentelemetry.propagate.inject", broken)
    with endpoint(in_turn(BUSY, OK)) as served:
        answer = send(one, served.url)
    monkeypatch.undo()

    assert answer == (200, b"fine")
    assert (read(one, "busysignal_metrics_errors_total") or 0) > 3
