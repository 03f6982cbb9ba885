from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from alerts.config import RulesSection
from alerts.prometheus_config import Target
from alerts.prometheus_config import render as render_prometheus
from alerts.render import generated as rules_for
from demo.engines import Seat, engine_of
from demo.engines.beside import Beside
from demo.engines.build import LLAMA, VLLM
from demo.engines.llama import named
from demo.member import Member
from demo.servers import Prometheus, RunFolder
from demo.servers.elasticsearch import cache
from exporters.catalog import neutral
from exporters.catalog.engines import ENGINES
from exporters.catalog.signal import Recorded
from tests.servers import StartPrometheus

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone]

RULES = RulesSection(time_scale=60, scrape_interval_seconds=1)
AT_ONCE = 8
PATIENCE_SECONDS = 30
TABLES = {"llama": "llamacpp", "vllm": "vllm"}
NEVER_HERE = {neutral.REPLICA_REFUSED_RATE}
"""What only a full queue makes: the servers here refuse nobody."""


def need(name: str) -> None:
    """Skip where the engine was not set up; vLLM, which takes minutes, waits to be asked for."""
    if name == "vllm" and not os.environ.get("BUSYSIGNAL_LIVE_VLLM"):
        pytest.skip("starting vLLM takes minutes; set BUSYSIGNAL_LIVE_VLLM=1 to run it")
    there = LLAMA.is_there(cache()) or named() if name == "llama" else VLLM.is_there(cache())
    if not there:
        pytest.skip(f"{name} is not set up; busysignal demo --engine {name} sets it up")


@contextmanager
def replica(name: str, folder: Path) -> Iterator[Member]:
    engine, run = engine_of(name), RunFolder(folder / "run")
    engine.set_up(lambda _: None)
    seat = Seat("vega", 0, run.free_port(), run.free_port(), run)
    member = Member("vega", seat.port, seat.control_port, engine.command(seat).start())
    try:
        member.process.wait_ready(f"{member.url}{engine.health}", engine.patience)
        yield member
    finally:
        member.process.stop()


@contextmanager
def loaded(url: str) -> Iterator[None]:
    """Several users who ask again and again, each time something else."""
    over, numbers = threading.Event(), itertools.count()

    def user() -> None:
        while not over.is_set():
            prompt = f"{next(numbers)} bottles on the wall " * 8
            body = {"model": "tiny", "prompt": prompt, "max_tokens": 16, "stream": True}
            with httpx.Client(timeout=30, trust_env=False) as client:
                client.post(f"{url}/v1/completions", json=body).raise_for_status()

    users = [threading.Thread(target=user) for _ in range(AT_ONCE)]
    for one in users:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in users:
            one.join()


def values(server: Prometheus, signal: Recorded) -> list[float]:
    query = {"query": str(signal.value.where(replica="vega"))}
    answer = httpx.get(f"{server.url}/api/v1/query", params=query, trust_env=False).json()
    return [float(series["value"][1]) for series in answer["data"]["result"]]


@pytest.mark.parametrize("name", TABLES)
def test_a_running_engine_shows_every_signal_that_its_table_claims(
    name: str, start_prometheus: StartPrometheus, tmp_path: Path
):
    need(name)
    (table,) = [engine for engine in ENGINES if engine.name == TABLES[name]]
    claimed = set(table.aliases) - NEVER_HERE
    rules_for(RULES, tmp_path).write()
    with ExitStack() as stack:
        member = stack.enter_context(replica(name, tmp_path))
        beside = Beside(member.process.pid, RunFolder(tmp_path / "beside").free_port())
        stack.callback(beside.stop)
        labels = {"service": "chat", "replica": "vega"}
        targets = [Target("replica", at, labels) for at in (member.address, beside.address)]
        config = tmp_path / "prometheus.yml"
        config.write_text(render_prometheus(RULES, targets=targets))
        server = start_prometheus(config)
        stack.enter_context(loaded(member.url))

        until = time.monotonic() + PATIENCE_SECONDS
        seen: dict[Recorded, float] = {}
        while claimed - seen.keys() and time.monotonic() < until:
            time.sleep(1)
            for signal in claimed:
                for value in values(server, signal):
                    seen[signal] = value

        assert {signal.name for signal in claimed - seen.keys()} == set()
        assert seen[neutral.GENERATED_TOKEN_RATE] > 0
        assert values(server, neutral.STEP_MEAN)[0] > 0
        assert values(server, neutral.REPLICA_MEMORY)[0] > 50e6
        assert values(server, neutral.ENGINE) == [1.0]
        assert values(server, neutral.ENGINE_SIGNAL_MISSING) == []
