from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.service.config import GatewayConfig, ReplicaConfig
from demo.service.features import Features
from demo.service.gateway import Gateway
from demo.service.replica import Replica
from exporters.telemetry import TelemetrySection, setup
from tests.running import running

NO_TELEMETRY = setup(TelemetrySection(kind="none"), service_name="t", instance="t", version="1")
BODY = {"prompt": "is anybody there", "max_tokens": 5, "stream": True}


class FakeReplica:
    """A replica whose answers a test decides: statuses in turn, then 200."""

    def __init__(self, *statuses: int, gate: threading.Event | None = None) -> None:
        self.statuses, self.gate = list(statuses), gate
        self.seen: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.times: list[float] = []

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/completions", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> Response:
        self.times.append(time.monotonic())
        self.seen.append(dict(request.headers))
        self.bodies.append(await request.body())
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return PlainTextResponse("no", status)
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self):
        yield b"data: {}\n\n"
        if self.gate is not None:
            await asyncio.to_thread(self.gate.wait)
        yield b"data: [DONE]\n\n"


@contextmanager
def gateway_to(*replicas: FakeReplica | str, **config: float) -> Iterator[str]:
    """A gateway in front of the given replicas (or addresses) and a feature service."""
    with ExitStack() as held:
        urls = [
            one if isinstance(one, str) else held.enter_context(running(one.app()))
            for one in replicas
        ]
        features = Features(0.0, NO_TELEMETRY.tracer).app()
        settings = GatewayConfig(
            name="gateway",
            port=0,
            control_port=0,
            replicas={f"star-{number}": url for number, url in enumerate(urls)},
            features=held.enter_context(running(features)),
            **config,
        )
        yield held.enter_context(running(Gateway(settings, NO_TELEMETRY).app()))


def ask(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.post(f"{url}/v1/completions", json=BODY, headers=headers)


def sample(url: str, line: str) -> float:
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return next((float(row.rsplit(" ", 1)[1]) for row in text.splitlines() if line in row), 0.0)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


DEAD = "http://127.0.0.1:9"


def test_an_answer_is_streamed_through_and_counted():
    replica = FakeReplica()
    with gateway_to(replica) as url:
        answer = ask(url, **{"x-request-id": "r-1", "x-priority": "vip"})

        assert (answer.status_code, answer.text) == (200, "data: {}\n\ndata: [DONE]\n\n")
        assert replica.seen[0]["x-request-id"] == "r-1"
        assert json.loads(replica.bodies[0]) == BODY
        assert sample(url, 'llm_requests_total{model="tiny",outcome="ok",status="200"}') == 1
        assert sample(url, 'llm_attempts_total{replica="star-0",outcome="ok"}') == 1
        line = 'llm_request_duration_seconds_count{model="tiny",priority="vip"}'
        assert sample(url, line) == 1


def test_the_gateways_own_calls_are_measured_and_tried_once_each():
    with gateway_to(FakeReplica(503)) as url:
        answer = ask(url)

        assert answer.status_code == 200
        assert sample(url, 'client_requests_total{target="features",outcome="ok"}') == 1
        for outcome in ("rejected", "ok"):
            asked = f'client_requests_total{{target="star-0",outcome="{outcome}"}}'
            until(lambda asked=asked: sample(url, asked) == 1)
        assert sample(url, 'client_retries_total{target="star-0",reason="status_503"}') == 0
        assert sample(url, 'client_give_ups_total{target="star-0",reason="attempts"}') == 0


def test_a_request_that_is_none_is_refused_with_400():
    with gateway_to(FakeReplica()) as url:
        answer = httpx.post(f"{url}/v1/completions", content=b"{", trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_requests_go_to_the_replica_with_the_least_in_flight():
    gate = threading.Event()
    replicas = [FakeReplica(gate=gate), FakeReplica(gate=gate)]
    with gateway_to(*replicas) as url, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask, url) for _ in range(4)]
        try:
            until(lambda: sum(len(one.seen) for one in replicas) == 4)
        finally:
            gate.set()
        shares = [len(one.seen) for one in replicas]
        assert [one.result().status_code for one in answers] == [200] * 4

    assert shares == [2, 2]


def test_too_many_requests_a_second_get_429_and_when_to_come_back():
    with gateway_to(FakeReplica(), rate_limit=2.0) as url:
        answers = [ask(url) for _ in range(4)]

        refused = [one for one in answers if one.status_code == 429]
        assert refused
        assert refused[0].headers["retry-after"] == "1"
        assert sample(url, 'reason="rate_limit"') == len(refused)


def test_a_full_queue_answers_503_and_when_to_come_back():
    gate = threading.Event()
    with (
        gateway_to(FakeReplica(gate=gate), slots=1, max_queue=1) as url,
        ThreadPoolExecutor(4) as pool,
    ):
        answers = [pool.submit(ask, url) for _ in range(4)]
        try:
            until(lambda: sample(url, 'reason="queue_full"') == 2)
        finally:
            gate.set()
        done = [one.result() for one in answers]

    assert Counter(one.status_code for one in done) == {200: 2, 503: 2}
    assert {one.headers.get("retry-after") for one in done} == {None, "1"}


def test_a_busy_replica_is_tried_again_elsewhere():
    busy, free = FakeReplica(503), FakeReplica()
    with gateway_to(busy, free) as url:
        until(lambda: ask(url).status_code == 200 and len(busy.seen) > 0)
        assert sample(url, 'llm_attempts_total{replica="star-0",outcome="rejected"}') == 1


def test_replicas_that_stay_busy_make_a_503():
    with gateway_to(FakeReplica(*[503] * 9), attempts=3) as url:
        answer = ask(url)

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert sample(url, 'llm_attempts_total{replica="star-0",outcome="rejected"}') == 3


def test_retries_wait_exponentially_longer_with_jitter():
    replica = FakeReplica(*[503] * 30)
    with gateway_to(replica, attempts=4, backoff_seconds=0.1, backoff_cap_seconds=10) as url:
        ask(url)
        ask(url)

    pauses = [b - a for a, b in zip(replica.times[:4], replica.times[1:4], strict=False)]
    assert [round(pause, 1) >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)]
    assert pauses[0] < pauses[2]
    other = [b - a for a, b in zip(replica.times[4:], replica.times[5:], strict=False)]
    assert [round(a, 3) for a in pauses] != [round(a, 3) for a in other]


def test_a_replica_that_keeps_failing_is_out_of_rotation_and_comes_back():
    failing, good = FakeReplica(*[500] * 3), FakeReplica()
    with gateway_to(failing, good, ejection_errors=3, ejection_seconds=2.5) as url:
        until(lambda: ask(url).status_code == 200 and len(failing.seen) >= 3)
        assert sample(url, 'llm_replica_ejected{replica="star-0"}') == 1
        for _ in range(5):
            ask(url)
        assert len(failing.seen) == 3

        until(lambda: sample(url, 'llm_replica_ejected{replica="star-0"}') == 0)
        until(lambda: ask(url).status_code == 200 and len(failing.seen) == 4)


def test_the_fallback_model_answers_when_every_replica_is_gone():
    with gateway_to(DEAD, attempts=2) as url:
        answer = ask(url)

        assert answer.status_code == 200
        assert '"model": "bigram"' in answer.text
        assert answer.text.count("data: {") == 6
        assert sample(url, 'llm_fallbacks_total{model="tiny"}') == 1


def test_a_missing_feature_service_costs_features_not_requests():
    with running(FakeReplica().app()) as replica:
        config = GatewayConfig(
            name="gateway", port=0, control_port=0, replicas={"star-0": replica}, features=DEAD
        )
        with running(Gateway(config, NO_TELEMETRY).app()) as url:
            assert ask(url).status_code == 200
            line = 'llm_upstream_duration_seconds_count{upstream="features",outcome="error"}'
            assert sample(url, line) == 1


@pytest.fixture(scope="module")
def replica() -> Iterator[tuple[Replica, str]]:
    made = Replica(ReplicaConfig(name="vega", port=0, control_port=0, speed=20), NO_TELEMETRY)
    with running(made.app()) as url:
        yield made, url


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_a_replica_streams_tokens_and_says_its_usage_in_the_last_chunk(replica, path):
    content = {"messages": [{"role": "user", "content": "hello"}]} if "chat" in path else BODY
    body = {**content, "max_tokens": 7, "stream": True}

    answer = httpx.post(replica[1] + path, json=body, trust_env=False)

    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert len(events) == 9
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 7


def test_a_replica_answers_in_one_piece_when_no_stream_is_asked(replica):
    body = {**BODY, "stream": False}

    answer = httpx.post(f"{replica[1]}/v1/completions", json=body, trust_env=False).json()

    assert len(answer["choices"][0]["text"]) == 5
    assert answer["usage"] == {"prompt_tokens": 16, "completion_tokens": 5, "total_tokens": 21}


def test_a_replica_shows_its_engine(replica):
    httpx.post(f"{replica[1]}/v1/completions", json=BODY, trust_env=False)

    assert sample(replica[1], 'llm_step_duration_seconds_count{model="tiny",phase="prefill"}') > 0
    assert sample(replica[1], 'llm_phase_duration_seconds_count{model="tiny",phase="decode"}') > 0
    assert sample(replica[1], 'llm_kv_cache_usage_ratio{model="tiny"}') == 0


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "in one piece"])
def test_a_replica_counts_every_token_it_sends(replica, stream: bool):
    def counted() -> float:
        return sample(replica[1], 'llm_generated_tokens_total{model="tiny"}')

    before = counted()
    body = {**BODY, "max_tokens": 9, "stream": stream}
    httpx.post(f"{replica[1]}/v1/completions", json=body, trust_env=False).raise_for_status()

    assert 9 == counted() - before


def test_a_silent_exporter_serves_on(replica):
    made, url = replica
    made.control({"silent": True})
    try:
        assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 503
        body = {**BODY, "stream": False}
        assert httpx.post(f"{url}/v1/completions", json=body, trust_env=False).status_code == 200
    finally:
        made.control({"silent": False})


def test_a_client_that_hangs_up_frees_the_engine(replica):
    made, url = replica
    body = {**BODY, "max_tokens": 1500}
    with httpx.stream("POST", f"{url}/v1/completions", json=body, trust_env=False) as answer:
        next(answer.iter_bytes())

    until(lambda: made.engine.cache_usage == 0)
