"""Load with Elasticsearch killed and started again: every span and log accepted is there once.

    python -m benchmarks.telemetry_chaos [--seconds 600] [--rate 100] [--kills 3] [--json FILE]

One span and one log at a time, `rate` of each a second. Elasticsearch is killed with SIGKILL at
even intervals and started anew on its own data. `accepted` is what was ended or logged less what
the metric of lost documents counts; `missing` and `twice` are what the index lacks or has more
than once of it. Exits 1 where there is any.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from benchmarks import _rounds as rounds
from demo.servers import Elasticsearch, RunFolder, start_elasticsearch
from exporters.errors import ServerMissingError
from exporters.telemetry import Telemetry, TelemetrySection, setup

PAGE = 10_000
log = logging.getLogger("chaos")


@dataclass(frozen=True)
class Found:
    """What became of one kind of document."""

    accepted: int
    found: int
    missing: int
    twice: int
    dropped: int

    @property
    def is_whole(self) -> bool:
        return self.missing == self.twice == self.dropped == 0


class Load:
    """Spans and logs at a steady rate, in a thread of its own."""

    def __init__(self, telemetry: Telemetry, rate: float) -> None:
        self._telemetry = telemetry
        self._pause = 1.0 / rate
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def _run(self) -> None:
        due = time.monotonic()
        while not self._done.is_set():
            with self._telemetry.tracer.start_as_current_span(f"n-{self.count}"):
                log.info("n-%d", self.count)
            self.count += 1
            due += self._pause
            time.sleep(max(0.0, due - time.monotonic()))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Return once the last span has ended."""
        self._done.set()
        self._thread.join()


def kill(server: Elasticsearch) -> None:
    """End it as a power cut would, and start it again on what it had written."""
    command, process = server.ours(), server.process
    assert process is not None
    os.killpg(process.pid, signal.SIGKILL)
    while process.running:
        time.sleep(0.05)
    server.process = command.start()
    server.wait_ready()


def storm(
    server: Elasticsearch, section: TelemetrySection, *, seconds: float, rate: float, kills: int
) -> dict[str, Found]:
    """Run the load through the kills, wait until all is delivered, and compare."""
    telemetry = setup(section, service_name="chaos", instance="1", version="0")
    load = Load(telemetry, rate)
    began = time.monotonic()
    load.start()
    try:
        for number in range(1, kills + 1):
            time.sleep(max(0.0, began + number * seconds / (kills + 1) - time.monotonic()))
            kill(server)
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    finally:
        load.stop()
    telemetry.flush(180)
    telemetry.shutdown()
    page = telemetry.collect_text()
    return {
        "span": compare(
            server.url, section.traces_index, "name", load.count, dropped(page, "span")
        ),
        "log": compare(
            server.url, section.logs_index, "body.text", load.count, dropped(page, "log")
        ),
    }


def dropped(page: str, kind: str) -> int:
    """What the metric says was lost."""
    head = f'busysignal_telemetry_dropped_total{{kind="{kind}"'
    return int(sum(float(row.split()[-1]) for row in page.splitlines() if row.startswith(head)))


def compare(url: str, index: str, field: str, sent: int, lost: int) -> Found:
    """Count what an index holds of `n-0` to `n-SENT`."""
    names = Counter(name for name in read(url, index, field) if name.startswith("n-"))
    missing = sum(f"n-{number}" not in names for number in range(sent))
    twice = sum(count > 1 for count in names.values())
    return Found(sent - lost, sum(names.values()), missing, twice, lost)


def read(url: str, index: str, field: str) -> list[str]:
    """One field of every document, page after page."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.post(f"{index}/_refresh").raise_for_status()
        opened = client.post(f"{index}/_pit", params={"keep_alive": "1m"})
        opened.raise_for_status()
        query = {
            "pit": {"id": opened.json()["id"]}, "size": PAGE, "sort": ["_shard_doc"],
            "_source": [field],
        }  # fmt: skip
        values: list[str] = []
        while True:
            answer = client.post("_search", json=query)
            answer.raise_for_status()
            hits = answer.json()["hits"]["hits"]
            values += [value_of(hit["_source"], field) for hit in hits]
            if len(hits) < PAGE:
                return values
            query["search_after"] = hits[-1]["sort"]


def value_of(source: dict[str, object], field: str) -> str:
    """A field of nested objects."""
    place: object = source
    for part in field.split("."):
        place = place[part] if isinstance(place, dict) else None
    return str(place)


def main() -> None:
    """Print what came of it, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = start_elasticsearch(RunFolder.create(Path(folder)))
        except ServerMissingError as error:
            print(f"left out: {error}")
            return
        with server:
            section = TelemetrySection(url=server.url, spool_dir=Path(folder) / "spool")
            found = storm(
                server, section, seconds=options.seconds, rate=options.rate, kills=options.kills
            )
    for kind, told in found.items():
        print(f"{kind:5}", "  ".join(f"{key} {value}" for key, value in asdict(told).items()))
    if options.json:
        summary = {kind: asdict(told) for kind, told in found.items()}
        rounds.write_json(options.json, {"benchmark": "telemetry_chaos", "summary": summary})
    sys.exit(0 if all(told.is_whole for told in found.values()) else 1)


if __name__ == "__main__":
    main()
