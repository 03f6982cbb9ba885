"""Stand-ins for exporters that cannot be had here: others' names over real facts of the demo.

`python -m demo.companions.pages CONFIG` serves one.

Each says in its name what it stands for. The numbers are those of the service that runs.
"""

from __future__ import annotations

import ctypes
from typing import Literal

import httpx
from prometheus_client.parser import text_string_to_metric_families

from demo.service.config import HOST, MODEL, read
from exporters.catalog import engine, foreign, host, requests
from exporters.catalog.engines import vllm
from exporters.catalog.signal import Selector
from exporters.exposition import Registry, serve
from exporters.settings import Section

GROUP, TOPIC, PARTITION = "gateway", "prompts", "0"
"""A consumer group and a topic, as kafka_exporter labels them."""


class AsKafka:
    """The gateway's queue as kafka_exporter would tell of a topic in front of it.

    What waits is the group's lag; what was finished is where the group reads.
    """

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._registry = Registry()

    def collect_text(self) -> str:
        page = _Page(self._gateway)
        lag = page.sum(requests.QUEUE_DEPTH.value)
        done = page.sum(requests.REQUESTS.total)
        of_group = (GROUP, TOPIC, PARTITION)
        self._registry.gauge(foreign.KAFKA_LAG).set(lag, *of_group)
        self._registry.gauge(foreign.KAFKA_GROUP_OFFSET).set(done, *of_group)
        self._registry.gauge(foreign.KAFKA_TOPIC_OFFSET).set(done + lag, TOPIC, PARTITION)
        return self._registry.collect_text()


class AsNewerEngine:
    """A replica as a vLLM would tell of it that has renamed all of its series but two.

    What waits in the replica waits for room in the batch, which vLLM calls capacity.
    """

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._registry = Registry()

    def collect_text(self) -> str:
        page = _Page(self._replica)
        running = page.sum(engine.RUNNING.value)
        waiting = page.sum(requests.QUEUE_DEPTH.value)
        self._registry.gauge(vllm.RUNNING).set(running, MODEL, "0")
        self._registry.gauge(vllm.WAITING_BY_REASON).set(waiting, MODEL, "0", "capacity")
        return self._registry.collect_text()


class AsAllocator:
    """The C library's heap as torch tells of its own on a GPU: what was taken, and lies idle in it.

    The simulated device's memory is the host's. torch keeps no such figures of a CPU.
    """

    def __init__(self) -> None:
        self._registry = Registry()

    def collect_text(self) -> str:
        heap = _heap()
        self._registry.gauge(host.TORCH_RESERVED).set(heap.arena + heap.hblkhd, "0")
        self._registry.gauge(host.TORCH_ALLOCATED).set(heap.uordblks + heap.hblkhd, "0")
        self._registry.gauge(host.TORCH_SPLIT).set(heap.fordblks, "0")
        return self._registry.collect_text()


class _Heap(ctypes.Structure):
    """`struct mallinfo2` (mallinfo(3))."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    )  # fmt: skip


def _heap() -> _Heap:
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _Heap
    heap: _Heap = ask()
    return heap


class _Page:
    """One look at an exporter."""

    def __init__(self, url: str) -> None:
        text = httpx.get(f"{url}/metrics", timeout=5.0, trust_env=False).raise_for_status().text
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def sum(self, selector: Selector) -> float:
        return sum(sample.value for sample in self._samples if sample.name == selector.series)


class PagesConfig(Section):
    """What to serve where: a stand-in's name, and whom it asks."""

    port: int
    stand_in: Literal["kafka", "engine"]
    of: str


def main() -> None:
    """Serve until SIGTERM."""
    config = read(PagesConfig)
    kafka, replica = (AsKafka(config.of),), (AsNewerEngine(config.of), AsAllocator())
    serve(kafka if config.stand_in == "kafka" else replica, HOST, config.port)


if __name__ == "__main__":
    main()
