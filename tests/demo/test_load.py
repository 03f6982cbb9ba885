from __future__ import annotations

import asyncio
import itertools
import json
import statistics
from collections import Counter

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demo.load.client import Client, Felt, Policy
from demo.load.traffic import HANG_UP_SHARE, MAX_PROMPT, PRIORITIES, TRACES, Request, Traffic
from tests.running import running

FITTED = json.loads(TRACES.read_text(encoding="utf-8"))
ANSWER = b"".join(b'data: {"n": %d}\n\n' % n for n in range(9)) + b"data: [DONE]\n\n"


def some(traffic: Traffic, count: int) -> list[Request]:
    return [traffic.request() for _ in range(count)]


def test_the_same_seed_gives_the_same_load():
    one, other, third = Traffic(4, 10.0), Traffic(4, 10.0), Traffic(5, 10.0)

    assert some(one, 50) == some(other, 50)
    assert [*itertools.islice(one.gaps(), 50)] == [*itertools.islice(other.gaps(), 50)]
    assert some(one, 50) != some(third, 50)


def test_arrivals_have_the_rate_asked_for_and_the_variation_of_the_trace():
    gaps = [*itertools.islice(Traffic(1, 10.0).gaps(), 20_000)]

    assert statistics.fmean(gaps) == pytest.approx(0.1, rel=0.05)
    variation = statistics.stdev(gaps) / statistics.fmean(gaps)
    assert variation == pytest.approx(FITTED["gap_cv"], rel=0.05)


def test_lengths_follow_the_fit_up_to_its_limits():
    asked = some(Traffic(1, 10.0), 5_000)
    prompts, outputs = [len(one.prompt) for one in asked], [one.max_tokens for one in asked]

    assert statistics.median(prompts) == pytest.approx(2.718 ** FITTED["prompt"]["mu"], rel=0.1)
    assert statistics.median(outputs) == pytest.approx(2.718 ** FITTED["output"]["mu"], rel=0.1)
    assert (max(prompts), max(outputs)) == (FITTED["prompt"]["limit"], FITTED["output"]["limit"])


def test_priorities_and_hang_ups_are_mixed_as_stated():
    asked = some(Traffic(1, 10.0), 10_000)

    shares = Counter(one.priority for one in asked)
    for priority, share in PRIORITIES.items():
        assert shares[priority] / 10_000 == pytest.approx(share, abs=0.02)
    leaving = sum(one.hang_up_after is not None for one in asked)
    assert leaving / 10_000 == pytest.approx(HANG_UP_SHARE, abs=0.005)


def test_factors_lengthen_what_is_asked_within_what_the_model_takes():
    normal, long = Traffic(1, 10.0), Traffic(1, 10.0)
    long.prompt_factor, long.output_factor = 50.0, 4.0

    for one, other in zip(some(normal, 200), some(long, 200), strict=True):
        assert len(other.prompt) == min(50 * len(one.prompt), MAX_PROMPT)
        assert other.max_tokens == 4 * one.max_tokens


class Door:
    """A front door that refuses a number of times first."""

    def __init__(self, *statuses: int, wait: str = "0") -> None:
        self.statuses, self.wait = list(statuses), wait
        self.counts: list[str] = []

    async def answer(self, request: HttpRequest) -> Response:
        self.counts.append(request.headers["x-stainless-retry-count"])
        await request.body()
        if self.statuses:
            return PlainTextResponse("no", self.statuses.pop(0), {"retry-after": self.wait})
        return Response(ANSWER, media_type="text/event-stream")


def ask(door: Door, policy: Policy, *, hang_up_after: int | None = None) -> Felt:
    request = Request("hello", 8, "normal", chat=False, hang_up_after=hang_up_after)

    async def story(url: str) -> Felt:
        async with httpx.AsyncClient(trust_env=False) as http:
            return await Client(url, policy, http, seed=1).ask(request)

    app = Starlette(routes=[Route("/v1/completions", door.answer, methods=["POST"])])
    with running(app) as url:
        return asyncio.run(story(url))


def test_a_well_behaved_client_says_its_retries_and_waits_as_long_as_it_was_asked():
    door = Door(503, wait="1")

    felt = ask(door, Policy())

    assert door.counts == ["0", "1"]
    assert (felt.status, felt.retries, felt.tokens) == (200, 1, 9)
    assert felt.total > 1.0


def test_a_client_without_backoff_resends_at_once_until_its_tries_are_used_up():
    door = Door(*[503] * 20, wait="1")

    felt = ask(door, Policy(backoff=False, retries=10))

    assert (felt.status, felt.retries) == (503, 10)
    assert felt.total < 1.0


def test_a_client_that_hangs_up_leaves_in_the_middle_of_the_stream():
    felt = ask(Door(), Policy(), hang_up_after=3)

    assert (felt.left, felt.tokens, felt.retries) == (True, 3, 0)
