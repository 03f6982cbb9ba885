"""The GPU exporter on simulated devices: time of a pass, of a scrape, memory and CPU.

Run as `python -m benchmarks.gpu_scrape [--gpus 8] [--scrapes 500] [--json FILE]`. The simulated
driver costs next to nothing, so these are the exporter's own costs.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx

from benchmarks import _rounds as rounds
from demo.device import STATE_VARIABLE, SimulatedGpu, build_shim
from exporters.gpu import GpuExporter
from exporters.gpu.nvml import Nvml

SERVE = (
    "import sys; from pathlib import Path; from exporters.gpu import GpuSection, serve; "
    "serve(GpuSection(port=0, nvml_library=Path(sys.argv[1])), "
    "announce=lambda url: print(url, flush=True))"
)


def in_process(library: Path, scrapes: int) -> dict[str, float]:
    """Median milliseconds of one pass over the devices and of rendering one page."""
    nvml = Nvml(library)
    exporter = GpuExporter(nvml, interval_seconds=3600)
    exporter.sample()
    page = exporter.collect_text()
    found = {
        "series": float(sum(not line.startswith("#") for line in page.splitlines())),
        "page_bytes": float(len(page)),
        "sample_ms": median_ms(exporter.sample, scrapes),
        "render_ms": median_ms(exporter.collect_text, scrapes),
    }
    exporter.close()
    nvml.close()
    return found


def as_process(library: Path, scrapes: int) -> dict[str, float]:
    """Median and 99th percentile of a scrape over HTTP, resident memory, share of a core."""
    command = [sys.executable, "-c", SERVE, str(library)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip() + "/metrics"
        with httpx.Client() as client:
            client.get(url)
            before = resident_mib(process.pid)
            times = sorted(
                timed(lambda: client.get(url).raise_for_status()) for _ in range(scrapes)
            )
            after = resident_mib(process.pid)
            share = idle_share(process.pid)
        process.send_signal(signal.SIGTERM)
    return {
        "scrape_p50_ms": median(times) * 1e3,
        "scrape_p99_ms": times[int(0.99 * len(times))] * 1e3,
        "rss_first_mib": before,
        "rss_last_mib": after,
        "core_share_unscraped": share,
    }


def median_ms(work: Callable[[], object], times: int) -> float:
    """Median wall milliseconds of one call."""
    return median(timed(work) for _ in range(times)) * 1e3


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)


def idle_share(pid: int, seconds: float = 5.0) -> float:
    """Share of one core used while only the sampling runs, once a second."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


def cpu_seconds(pid: int) -> float:
    """CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--scrapes", type=int, default=500)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "devices"
        for gpu in SimulatedGpu.create(state, wanted.gpus):
            gpu.report(busy_ratio=0.8, memory_used_bytes=60 << 30)
        os.environ[STATE_VARIABLE] = str(state)
        library = build_shim(Path(folder))
        figures = in_process(library, wanted.scrapes) | as_process(library, wanted.scrapes)
    print(rounds.table(("figure", "value"), [(k, f"{v:.3f}") for k, v in figures.items()]))
    if wanted.json:
        rounds.write_json(wanted.json, {"gpus": wanted.gpus, **figures})


if __name__ == "__main__":
    main()
