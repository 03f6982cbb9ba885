"""The GPU exporter scraped 200,000 times: whether its memory stays as it was.

Run as `python -m benchmarks.gpu_soak [--scrapes 200000] [--json FILE]`. Devices are read twenty
times a second meanwhile, half of them come and go, and XID errors are raised. Exit code 1 when
memory grew by more than a mebibyte in the second half.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from benchmarks import _gpu_exporters as exporters
from benchmarks import _rounds as rounds
from benchmarks.gpu_scrape import Client, cpu_seconds, resident_mib, use_scenario
from demo.device import build_shim

SCRAPES = 200_000
SHARES = 20
"""Memory is looked at so often."""

ALLOWED_MIB = 1.0
INTERVAL_SECONDS = 0.05


def changes(folder: Path) -> Iterator[None]:
    """The machine in turn as it was, with devices lost, with errors raised, with fewer devices."""
    for number, lines in enumerate(
        cycle(
            (
                (),
                tuple(f"[gpu {gpu}]\nlost = 1" for gpu in range(4)),
                ("[gpu *]", "reasons = 0x44", "clock = 0.5"),
                ("[gpu *]", "Process.2 = pid=50009999 memory=1048576 sm=1"),
            )
        )
    ):
        events = " ".join(["xid:31"] * (number % 200))
        use_scenario(folder, "h200", *lines, "[gpu *]", f"Events = {events}")
        yield


def soak(folder: Path, scrapes: int) -> list[tuple[int, float]]:
    """Scrapes made so far and mebibytes in use then."""
    use_scenario(folder, "h200")
    change = changes(folder)
    with exporters.ours(build_shim(folder), interval_seconds=INTERVAL_SECONDS) as running:
        client = Client(running.url)
        found = []
        for share in range(1, SHARES + 1):
            for _ in range(scrapes // SHARES):
                client.get()
            found.append((share * scrapes // SHARES, resident_mib(running.pid)))
            next(change)
        print(f"{cpu_seconds(running.pid):.0f} s of CPU used by the exporter")
    return found


def main() -> int:
    """Soak and print; 1 when memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=SCRAPES)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), wanted.scrapes)
    half = SHARES // 2
    grown = max(mib for _, mib in found[half:]) - found[half - 1][1]
    print(rounds.table(("scrapes", "resident MiB"), [(str(n), f"{mib:.2f}") for n, mib in found]))
    print(f"{time.monotonic() - began:.0f} s; grown by {grown:.2f} MiB in the second half")
    if wanted.json:
        rounds.write_json(wanted.json, {"scrapes": wanted.scrapes, "mib": found, "grown": grown})
    return int(grown > ALLOWED_MIB)


if __name__ == "__main__":
    sys.exit(main())
