"""Several processes write, each of them shows the sum, and the dead are not forgotten."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time

import pytest

from exporters.catalog.requests import (
    QUEUE_DEPTH,
    REPLICA_EJECTED,
    REQUEST_DURATION,
    REQUEST_DURATION_BY_OUTCOME,
    REQUESTS_STARTED,
)
from exporters.errors import UsageError
from exporters.exposition import Registry, departed, merge, sums

SPAWN = multiprocessing.get_context("spawn")


def samples(registry):
    lines = [line for line in registry.collect_text().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def work(folder, commands, answers):
    registry = Registry(workers=folder)
    for command in iter(commands.get, None):
        match command:
            case "count":
                registry.counter(REQUESTS_STARTED).inc(1, "chat")
                registry.histogram(REQUEST_DURATION_BY_OUTCOME).observe(0.3, "chat", "vip", "ok")
            case "wait":
                registry.gauge(QUEUE_DEPTH).set(2, "chat", "vip")
                registry.gauge(REPLICA_EJECTED).set(1, "r1")
            case "leave":
                registry.gauge(QUEUE_DEPTH).remove("chat", "vip")
        answers.put(samples(registry) if command == "scrape" else command)


class Worker:
    def __init__(self, folder):
        self.commands, self.answers = SPAWN.Queue(), SPAWN.Queue()
        self.process = SPAWN.Process(target=work, args=(folder, self.commands, self.answers))
        self.process.start()

    def do(self, command):
        self.commands.put(command)
        return self.answers.get(timeout=30)

    def die(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()


@pytest.fixture
def workers(tmp_path):
    made = [Worker(tmp_path), Worker(tmp_path)]
    yield made
    for worker in made:
        if worker.process.is_alive():
            worker.commands.put(None)
            worker.process.join()


STARTED = 'llm_requests_started_total{model="chat"}'
DEPTH = 'llm_queue_depth{model="chat",priority="vip"}'
COUNT = 'llm_request_duration_by_outcome_seconds_count{model="chat",priority="vip",outcome="ok"}'


def test_each_worker_shows_the_sum_and_a_killed_one_still_counts(workers, tmp_path):
    one, two = workers
    for worker, times in ((one, 3), (two, 4)):
        for _ in range(times):
            worker.do("count")
        worker.do("wait")

    together = one.do("scrape")
    assert together == two.do("scrape")
    assert (together[STARTED], together[COUNT]) == (7, 7)
    assert together[DEPTH] == 4
    assert together['llm_replica_ejected{replica="r1"}'] == 1
    assert together["busysignal_workers"] == 2

    two.die()
    after = one.do("scrape")
    assert (after[STARTED], after[COUNT]) == (7, 7)
    assert after[DEPTH] == 2
    assert (after["busysignal_workers"], after["busysignal_workers_ended_total"]) == (1, 1)
    assert after["process_start_time_seconds"] == together["process_start_time_seconds"]
    assert len(list(tmp_path.glob("*.values"))) == 1

    one.do("leave")
    assert DEPTH not in one.do("scrape")
    one.do("wait")
    assert one.do("scrape")[DEPTH] == 2

    workers.append(Worker(tmp_path))
    workers[-1].do("count")
    assert workers[-1].do("scrape")[STARTED] == one.do("scrape")[STARTED] == 8


def test_a_forked_worker_begins_at_zero_in_files_of_its_own(tmp_path):
    registry = Registry(workers=tmp_path)
    counter = registry.counter(REQUESTS_STARTED).labels("chat")
    counter.inc()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        counter.inc(10)
        os.write(writing, json.dumps([counter.value, samples(registry)[STARTED]]).encode())
        os._exit(0)
    told = json.loads(os.read(reading, 1000))
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)

    assert told == [10, 11]
    assert counter.value == 1
    assert samples(registry)[STARTED] == 11


def test_a_fold_that_was_cut_short_counts_nothing_twice(workers, tmp_path, monkeypatch):
    one, two = workers
    for worker in workers:
        worker.do("count")
    two.die()
    here = Registry(workers=tmp_path)
    for module in (departed, merge):
        monkeypatch.setattr(module, "remove", lambda _: None)
    assert samples(here)[STARTED] == 2
    assert len(list(tmp_path.glob("*.values"))) == 3

    assert one.do("scrape")[STARTED] == 2
    assert len(list(tmp_path.glob("*.values"))) == 2
    monkeypatch.undo()
    assert samples(here)[STARTED] == 2


def test_a_margin_is_the_sum_over_all_workers(tmp_path):
    registries = [Registry(workers=tmp_path), Registry(workers=tmp_path)]
    for registry in registries:
        registry.margin(REQUEST_DURATION, of=REQUEST_DURATION_BY_OUTCOME)
        registry.histogram(REQUEST_DURATION_BY_OUTCOME).observe(0.3, "chat", "vip", "ok")
        registry.histogram(REQUEST_DURATION_BY_OUTCOME).observe(0.1, "chat", "vip", "rejected")

    seen = samples(registries[0])

    assert seen['llm_request_duration_seconds_count{model="chat",priority="vip"}'] == 4
    assert seen['llm_request_duration_seconds_bucket{model="chat",priority="vip",le="0.1"}'] == 2


def test_values_beyond_one_segment_are_all_there(tmp_path):
    registry = Registry(workers=tmp_path)
    histogram = registry.histogram(REQUEST_DURATION_BY_OUTCOME)
    for number in range(900):
        histogram.observe(0.3, f"m{number}", "vip", "ok")

    seen = samples(registry)

    assert sum(value for name, value in seen.items() if "_seconds_count" in name) == 900


def test_exemplars_of_the_answering_worker_are_shown(tmp_path):
    registry = Registry(workers=tmp_path)
    registry.histogram(REQUEST_DURATION_BY_OUTCOME).labels("chat", "vip", "ok").observe(0.3, "ab")

    assert '# {trace_id="ab"} 0.3' in registry.collect_openmetrics()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError) as refused:
        Registry(workers=tmp_path / "file")

    assert str(refused.value) == (
        f"workers cannot share values in {tmp_path / 'file'}: File exists; "
        "name a folder on this machine that all of them may write"
    )


def test_ended_workers_are_counted_on_when_their_names_are_forgotten(tmp_path):
    here = Registry(workers=tmp_path)
    for ended in range(1, 4):
        worker = Worker(tmp_path)
        worker.do("count")
        worker.die()
        until = time.monotonic() + 60
        while samples(here)["busysignal_workers_ended_total"] != ended:
            assert time.monotonic() < until
        assert samples(here)[STARTED] == ended
    assert len(json.loads((tmp_path / departed.DEPARTED).read_text())["folded"]) < 3


def test_two_who_scrape_one_worker_at_once_both_see_whole_sums(tmp_path, monkeypatch):
    registry = Registry(workers=tmp_path)
    registry.counter(REQUESTS_STARTED).inc(5, "chat")
    began, go_on, seen = threading.Event(), threading.Event(), []
    add = sums.Plan.add

    def slow_add(plan, values):
        if threading.current_thread() is second:
            began.set()
            go_on.wait(30)
        add(plan, values)

    monkeypatch.setattr(sums.Plan, "add", slow_add)
    second = threading.Thread(target=lambda: seen.append(samples(registry)))
    page = registry.parts()
    first = [next(page)]
    second.start()
    began.wait(0.2)  # it must not begin while the first page is being written
    first.extend(page)
    go_on.set()
    second.join()

    assert f"{STARTED} 5.0" in "".join(first)
    assert seen[0][STARTED] == 5
