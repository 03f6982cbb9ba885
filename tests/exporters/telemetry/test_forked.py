"""A process forked from one that is set up tells its own spans and logs, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson

SERVICE = """
import logging, os, sys
from pathlib import Path
from exporters.telemetry import TelemetrySection, setup

folder = Path(sys.argv[1])
section = TelemetrySection(
    kind="store", store_dir=folder / "store", spool_dir=folder / "spool", flush_seconds=0.02
)
telemetry = setup(section, service_name="replica", instance="replica-1", version="1")

def tell(who):
    for number in range(20):
        with telemetry.tracer.start_as_current_span(f"{who} {number}"):
            logging.getLogger("app").warning("%s %d", who, number)

tell("before")
for worker in range(2):
    if os.fork() == 0:
        tell(f"worker {worker}")
        telemetry.shutdown()
        os._exit(0)
if os.fork() == 0:
    os._exit(0 if telemetry.waiting == 0 and telemetry.flush() else 1)
tell("after")
for _ in range(3):
    assert os.wait()[1] == 0
telemetry.shutdown()
"""
TOLD = sorted(
    f"{who} {number}" for who in ("before", "after", "worker 0", "worker 1") for number in range(20)
)


def documents(store: Path, kind: str):
    for path in store.glob(f"{kind}-*.ndjson"):
        yield from map(orjson.loads, path.read_bytes().splitlines())


def test_each_worker_tells_its_own_and_nothing_is_told_twice(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", SERVICE, str(tmp_path)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()

    store = tmp_path / "store"
    assert sorted(span["name"] for span in documents(store, "traces")) == TOLD
    assert sorted(log["body"]["text"] for log in documents(store, "logs")) == TOLD
    assert len({span["span_id"] for span in documents(store, "traces")}) == len(TOLD)
    assert list((tmp_path / "spool").rglob("*.spool")) == []
