from __future__ import annotations

import time
from contextlib import contextmanager

import httpx
import pytest

from demo.service.cache import Cache
from demo.service.config import GatewayConfig, ReplicaConfig
from demo.service.features import Features
from demo.service.gateway import Gateway
from demo.service.kernels import Device
from demo.service.replica import Replica
from tests.demo.test_gateway import BODY, DEAD, NO_TELEMETRY, FakeReplica, ask, sample, until
from tests.running import running


@contextmanager
def gateway(*replicas: str, **config: object):
    """A gateway and its address, whose control a test may use."""
    with running(Features(0.0, NO_TELEMETRY.tracer).app()) as features:
        settings = GatewayConfig(
            name="gateway",
            port=0,
            control_port=0,
            replicas={f"star-{number}": url for number, url in enumerate(replicas)},
            features=features,
            **config,
        )
        made = Gateway(settings, NO_TELEMETRY)
        with running(made.app()) as url:
            yield made, url


@contextmanager
def replica(**config: object):
    settings = ReplicaConfig(name="vega", port=0, control_port=0, speed=20, **config)
    made = Replica(settings, NO_TELEMETRY)
    with running(made.app()) as url:
        yield made, url


def complete(url: str, **more: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/completions", json={**BODY, **more}, trust_env=False)


def resident(url: str) -> float:
    rows = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return next(
        float(row.split()[1]) for row in rows if row.startswith("process_resident_memory_bytes")
    )


def test_a_smaller_bucket_refuses_what_the_larger_one_let_in():
    with running(FakeReplica().app()) as one, gateway(one) as (made, url):
        assert {ask(url).status_code for _ in range(6)} == {200}
        made.control({"rate_limit": 1.0})

        assert 429 in {ask(url).status_code for _ in range(6)}


def test_a_replica_that_moved_gets_what_comes_from_then_on():
    old, new = FakeReplica(), FakeReplica()
    with running(old.app()) as first, running(new.app()) as second, gateway(first) as (made, url):
        ask(url)
        made.control({"replicas": {"star-0": second}})
        ask(url)

    assert (len(old.seen), len(new.seen)) == (1, 1)


def test_what_was_asked_before_is_answered_by_the_cache():
    model = FakeReplica()
    with (
        running(model.app()) as one,
        running(Cache(10).app()) as cache,
        gateway(one, cache=cache) as (_, url),
    ):
        answers = [ask(url) for _ in range(3)]

        assert len({answer.text for answer in answers}) == 1
        assert sample(url, 'llm_cache_lookups_total{tier="distributed",result="hit"}') == 2
        assert sample(url, 'llm_requests_total{model="tiny",outcome="ok",status="200"}') == 3
    assert len(model.seen) == 1


def test_a_cache_that_is_gone_costs_the_model_its_work_and_users_nothing():
    model = FakeReplica()
    with running(model.app()) as one, gateway(one, cache=DEAD) as (_, url):
        assert {ask(url).status_code for _ in range(3)} == {200}
        assert sample(url, 'llm_cache_lookups_total{tier="distributed",result="error"}') == 3
    assert len(model.seen) == 3


def test_a_full_cache_lets_the_oldest_go():
    with running(Cache(2).app()) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for key in "abc":
            client.put(f"/answers/{key}", content=key.encode())
        statuses = [client.get(f"/answers/{key}").status_code for key in "abc"]

    assert statuses == [404, 200, 200]


def test_a_version_with_a_bad_detokenizer_breaks_answers_off_half_way():
    with replica(broken_answers=1.0) as (_, url):
        with pytest.raises(httpx.RemoteProtocolError):
            complete(url, max_tokens=8)

        ended = 'llm_requests_total{model="tiny",outcome="failed_midstream",status="200"}'
        until(lambda: sample(url, ended) == 1)


def test_a_replica_whose_engine_is_dead_answers_500():
    with replica() as (made, url):
        made.engine.dead = True

        assert complete(url).status_code == 500


def test_passes_are_eager_until_the_kernels_are_compiled():
    device = Device()
    device.compile(0.2, eager_factor=4.0)
    _, eager = device.run(lambda: None, flops=3.4e7)
    time.sleep(0.2)
    _, compiled = device.run(lambda: None, flops=3.4e7)

    assert eager / compiled == pytest.approx(4.0, rel=0.05)


def test_a_leak_holds_on_to_memory_until_it_is_healed():
    with replica() as (made, url):
        before = resident(url)
        made.control({"leaking": 400e6})
        until(lambda: resident(url) > before + 100e6)
        made.control({"leaking": 0.0})
