"""One attempt against endpoints that are slow, hang or lie, on real local sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporters.errors import UsageError
from inference_probe.canary import CanarySection, TargetSection
from inference_probe.canary.ask import Asker
from inference_probe.canary.attempt import Attempt
from tests.endpoints import (
    GOOD,
    MODEL,
    Endpoint,
    Script,
    Wire,
    delta,
    endpoint,
    usage,
    well,
)


def ask(served: Endpoint, timeout: float = 5.0, **more: Any) -> Attempt:
    target = TargetSection(name="chat", url=served.url, model=MODEL, **more)
    section = CanarySection(timeout_seconds=timeout, connect_timeout_seconds=1)
    return asyncio.run(Asker(section, target).ask())


def asked(script: Script, **more: Any) -> Attempt:
    with endpoint(script) as served:
        return ask(served, **more)


def test_a_good_answer_is_whole_and_every_phase_of_it_is_timed() -> None:
    with endpoint(well) as served:
        served.host = "localhost"
        attempt = ask(served)

    assert (attempt.outcome, attempt.detail, attempt.status) == ("ok", None, 200)
    assert list(attempt.phases) == ["resolve", "connect", "headers", "first_token", "stream"]
    assert attempt.first_token is not None
    assert 0 < attempt.first_token < attempt.total < 5
    assert (attempt.tokens, attempt.finish_reason, len(attempt.gaps)) == (3, "length", 2)
    assert attempt.answered_model == MODEL


def test_the_request_says_of_itself_that_no_user_sent_it(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("s3cret\n")
    with endpoint(well) as served:
        attempt = ask(served, key_file=key_file)
        first, second = served.requests[0], (ask(served), served.requests[1])[1]

    headers, body = first
    assert headers["user-agent"].startswith("busysignal-canary/")
    assert headers["x-busysignal-synthetic"] == "1"
    assert headers["x-request-id"] == attempt.request_id
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["host"] == f"127.0.0.1:{served.port}"
    assert (body["model"], body["stream"], body["max_tokens"]) == (MODEL, True, 8)
    assert body["messages"] != second[1]["messages"], "a prefix cache would answer"


def test_a_text_completion_is_asked_and_read_as_such() -> None:
    def script(wire: Wire) -> None:
        wire.headers()
        choice = {"index": 0, "text": "one", "finish_reason": None}
        last = {"index": 0, "text": "", "finish_reason": "stop"}
        wire.events({"model": MODEL, "choices": [choice]}, {"model": MODEL, "choices": [last]})
        wire.events("[DONE]")

    with endpoint(script) as served:
        attempt = ask(served, api="completions", include_usage=False)
        body = served.requests[0][1]

    assert (attempt.outcome, attempt.tokens) == ("ok", 1)
    assert "prompt" in body
    assert "stream_options" not in body


def test_headers_sent_early_do_not_hide_the_wait_for_the_first_token() -> None:
    def script(wire: Wire) -> None:
        wire.headers()
        wire.send(": ping\n\n")
        wire.events(GOOD[0])  # the role alone: a first byte, but no token
        wire.wait(0.3)
        wire.events(*GOOD[1:], "[DONE]")

    attempt = asked(script)

    assert attempt.outcome == "ok"
    assert attempt.phases["headers"] < 0.2
    assert attempt.phases["first_token"] >= 0.29
    assert attempt.first_token is not None
    assert attempt.first_token >= 0.29


def test_time_between_tokens_is_theirs_alone() -> None:
    def script(wire: Wire) -> None:
        wire.headers()
        wire.events(delta("a"))
        wire.wait(0.1)
        wire.send(": ping\n\n")
        wire.wait(0.1)
        wire.events(delta("b", "stop"), "[DONE]")

    attempt = asked(script)

    assert attempt.outcome == "ok"
    assert [round(gap, 1) for gap in attempt.gaps] == [pytest.approx(0.2, abs=0.11)]
    assert len(attempt.gaps) == 1


def test_it_stays_to_the_end_that_comes_after_done_without_counting_it() -> None:
    left: list[bool] = []

    def script(wire: Wire) -> None:
        well(wire)
        wire.wait(0.3)
        left.append(wire.has_left())

    attempt = asked(script)

    assert attempt.outcome == "ok"
    assert attempt.total < 0.25
    assert left == [False]


def test_an_end_that_never_comes_after_done_is_no_failure() -> None:
    def script(wire: Wire) -> None:
        well(wire)
        wire.wait()

    attempt = asked(script, timeout=0.5)

    assert (attempt.outcome, attempt.tokens) == ("ok", 3)


def stream(*events: Any, end: str = "[DONE]") -> Script:
    def script(wire: Wire) -> None:
        wire.headers()
        wire.events(*events, *([end] if end else []))

    return script


def answering(status: str, body: str = "", *more: str, kind: str = "application/json") -> Script:
    return lambda wire: wire.answer(status, body, *more, kind=kind)


def hanging_after(*events: Any) -> Script:
    def script(wire: Wire) -> None:
        wire.headers()
        wire.events(*events)
        wire.wait()

    return script


@pytest.mark.parametrize(
    ("script", "outcome", "detail"),
    [
        pytest.param(
            stream(delta("a"), end=""), "truncated", "the stream ended after 1 tokens", id="cut"
        ),
        pytest.param(
            stream(*GOOD, end=""), "missing_done", "the stream ended without [DONE]", id="no DONE"
        ),
        pytest.param(
            stream(delta(None), delta("", "stop")), "empty", "no event carried a token", id="empty"
        ),
        pytest.param(
            stream(delta("a")),
            "no_finish_reason",
            "no event said why the answer ended",
            id="no finish_reason",
        ),
        pytest.param(
            stream(delta("a", "stop", "bigram")),
            "wrong_model",
            "'bigram' answered for 'tiny'",
            id="another model",
        ),
        pytest.param(
            stream(delta("a", "stop"), usage(0)),
            "wrong_usage",
            "usage tells 0 tokens; asked for 1 to 8",
            id="usage denies the tokens",
        ),
        pytest.param(
            stream(delta("a"), {"error": {"message": "CUDA out of memory", "type": "internal"}}),
            "error_event",
            "internal: CUDA out of memory",
            id="error inside a 200",
        ),
        pytest.param(
            stream(delta("a"), "{oops"),
            "garbled",
            "an event that is no JSON object: '{oops'",
            id="no JSON",
        ),
        pytest.param(
            stream("[" * 100_000),
            "garbled",
            f"an event that is no JSON object: {'[' * 80!r}",
            id="deep nesting",
        ),
        pytest.param(
            answering("200 OK", "{}"),
            "not_streamed",
            "asked for text/event-stream, got application/json",
            id="not streamed",
        ),
        pytest.param(
            answering("302 Found", "", "location: https://elsewhere.example/"),
            "redirected",
            "HTTP 302: no body",
            id="redirect",
        ),
        pytest.param(
            answering("401 Unauthorized", '{"error": {"message": "bad key", "code": "no_key"}}'),
            "refused",
            "HTTP 401: bad key",
            id="bad key",
        ),
        pytest.param(
            answering("500 Internal Server Error", "<h1>oh</h1>", kind="text/html"),
            "server_error",
            "HTTP 500: <h1>oh</h1>",
            id="500",
        ),
    ],
)
def test_what_is_wrong_with_an_answer_is_named(script: Script, outcome: str, detail: str) -> None:
    attempt = asked(script)

    assert (attempt.outcome, attempt.detail) == (outcome, detail)


def test_a_stream_of_rubbish_is_no_answer() -> None:
    def script(wire: Wire) -> None:
        wire.headers()
        wire.send(b"\x00\xff\xfe rubbish\nevent\n\n: x\r\rid:\0\n\n" * 50)

    assert asked(script).outcome in {"truncated", "garbled"}


def test_an_answer_without_end_is_cut_off() -> None:
    def script(wire: Wire) -> None:
        wire.headers()
        while True:
            wire.send(b"data: " + b"x" * 65_536)

    assert asked(script, timeout=30).outcome == "too_long"


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param(lambda wire: wire.wait(), "timeout_first_token", id="no answer"),
        pytest.param(hanging_after(), "timeout_first_token", id="headers, then silence"),
        pytest.param(hanging_after(delta(None)), "timeout_first_token", id="a role, then silence"),
        pytest.param(hanging_after(delta("a")), "timeout_stream", id="a token, then silence"),
    ],
)
def test_a_hanging_endpoint_is_named_by_where_it_hangs(script: Script, outcome: str) -> None:
    attempt = asked(script, timeout=0.4)

    assert attempt.outcome == outcome
    assert 0.35 < attempt.total < 3


def test_a_connection_cut_before_and_after_the_headers_is_told_apart() -> None:
    def cut(wire: Wire) -> None:
        wire.headers("200 OK", "text/event-stream", "transfer-encoding: chunked")
        wire.send("20\r\ndata: ")
        wire.reset()

    assert asked(lambda wire: wire.reset()).outcome == "disconnected"
    assert asked(cut).outcome == "truncated"


BUSY = {
    "openai": (
        '{"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}',
        "rate_limit_exceeded",
    ),
    "vllm": (
        '{"error": {"message": "queue is full", "type": "Service Unavailable", "code": 503}}',
        "service_unavailable",
    ),
    "tgi": ('{"error": "Model is overloaded", "error_type": "overloaded"}', "overloaded"),
    "detail": ('{"detail": "server busy"}', "unstated"),
    "text": ("upstream connect error", "unstated"),
    "empty": ("", "unstated"),
    "odd": ("[1, null]", "unstated"),
}


@pytest.mark.parametrize(("body", "reason"), BUSY.values(), ids=BUSY)
def test_the_exact_reason_of_a_busy_endpoint_is_read(body: str, reason: str) -> None:
    attempt = asked(answering("503 Service Unavailable", body))

    assert (attempt.outcome, attempt.status, attempt.busy_reason) == ("busy", 503, reason)
    assert attempt.retry_after is None


def test_a_refusal_whose_body_never_comes_is_busy_all_the_same() -> None:
    def script(wire: Wire) -> None:
        wire.headers("503 Service Unavailable", "application/json", "content-length: 99")
        wire.wait()

    attempt = asked(script, timeout=20)

    assert (attempt.outcome, attempt.status, attempt.busy_reason) == ("busy", 503, "unstated")
    assert attempt.total < 5


def test_an_overload_told_inside_a_200_has_its_reason_too() -> None:
    event = {"error": {"message": "The engine is overloaded", "type": "server_error"}}

    attempt = asked(stream(event))

    assert (attempt.outcome, attempt.busy_reason) == ("error_event", "server_error")


def test_retry_after_is_read_as_seconds_and_as_a_date_and_bounded() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    def wait(value: str) -> float | None:
        return asked(answering("429 Too Many", "{}", f"retry-after: {value}")).retry_after

    assert wait("7") == 7
    assert wait(soon) == pytest.approx(59, abs=3)
    assert wait("Mon, 01 Jan 2001 00:00:00 GMT") == 0
    assert wait("86400") == 300
    assert wait("later") is None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_port_nobody_listens_on_and_a_name_nobody_has() -> None:
    closed = Endpoint(free_port())
    nowhere = Endpoint(80, host="nowhere.invalid")

    assert ask(closed).outcome == "connect_error"
    assert ask(nowhere).outcome == "dns_error"
    assert ask(nowhere).phases == {}


def certificate(tmp_path: Path, **more: Any) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", **more).configure_cert(server)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    return server, trusted


def test_tls_is_timed_and_its_end_known(tmp_path: Path) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    server, trusted = certificate(tmp_path, not_after=end)
    with endpoint(well, server) as served:
        served.host = "localhost"
        attempt = ask(served, ca_file=trusted)

    assert attempt.outcome == "ok"
    assert attempt.phases["tls"] > 0
    assert attempt.certificate_expiry == end.timestamp()


def test_a_certificate_that_is_over_or_a_strangers_is_refused(tmp_path: Path) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    server, trusted = certificate(tmp_path, not_after=yesterday)
    with endpoint(well, server) as served:
        served.host = "localhost"
        over, stranger = ask(served, ca_file=trusted), ask(served)
        requests = served.requests

    assert (over.outcome, stranger.outcome) == ("tls_error", "tls_error")
    assert "expired" in (over.detail or "")
    assert requests == []


def test_a_tls_handshake_that_never_ends_is_a_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        served = Endpoint(silent.getsockname()[1], "https")
        began = time.monotonic()

        assert ask(served).outcome == "timeout_connect"
        assert time.monotonic() - began < 4


def test_a_key_file_that_is_gone_is_told_without_ending_the_canary(tmp_path: Path) -> None:
    with endpoint(well) as served:
        attempt = ask(served, key_file=tmp_path / "gone")

    assert attempt.outcome == "probe_error"
    assert attempt.detail == (
        f"key_file {tmp_path / 'gone'} of target 'chat' cannot be read: No such file or directory; "
        "name a file that holds the token alone"
    )


def test_authorities_that_cannot_be_read_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        ask(Endpoint(1, "https"), ca_file=tmp_path / "no.pem")

    assert str(error.value) == (
        f"ca_file {tmp_path / 'no.pem'} of target 'chat' cannot be used: "
        "No such file or directory; name a file of PEM certificates"
    )


def test_the_answer_may_be_held_to_a_pattern_and_another_model_name() -> None:
    good = stream(delta("one two", "stop", "gpt-4o-2026-01-01"))

    assert asked(good, answers_as=r"gpt-4o-\d{4}-\d\d-\d\d").outcome == "ok"
    assert asked(stream(delta("one", "stop", "tiny-2026")), expect="one").outcome == "ok"
    assert asked(stream(delta("une", "stop")), expect="one").outcome == "wrong_content"
