"""The GPU exporter beside nvitop-exporter on eight simulated devices: time, memory, CPU.

Run as `python -m benchmarks.gpu_scrape [--scrapes 500] [--seconds 20] [--json FILE]`. Both read the
same simulated driver, which costs next to nothing, so these are the exporters' own costs; the last
figure adds 500 µs to every driver call.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import _gpu_exporters as exporters
from benchmarks import _rounds as rounds
from benchmarks._gpu_exporters import Running
from demo.device import SCENARIO_VARIABLE, build_shim, scenario_file
from exporters.gpu import GpuExporter
from exporters.gpu.nvml import Nvml

Figures = dict[str, float]

GPUS = 8
DEVICES = ("t4", "h200")
"""About 145 and 390 series each: without and with GPM, 18 NVLinks and processes."""

DELAY_MICROSECONDS = 500
GPM_WINDOW_SECONDS = 0.11
"""GPM answers anew no sooner, so passes are made no closer together."""


def of_passes(library: Path, passes: int) -> Figures:
    """Milliseconds of one pass over the devices and of rendering a page: medians, and the best."""
    nvml = Nvml(library)
    exporter = GpuExporter(nvml, interval_seconds=3600)
    exporter.sample()
    walls, cpus, renders = [], [], []
    for _ in range(passes):
        time.sleep(GPM_WINDOW_SECONDS)
        before = time.perf_counter(), time.process_time()
        exporter.sample()
        walls.append(time.perf_counter() - before[0])
        cpus.append(time.process_time() - before[1])
        began = time.process_time()
        exporter.collect_text()
        renders.append(time.process_time() - began)
    exporter.close()
    nvml.close()
    return {
        "pass_ms": median(walls) * 1e3,
        "pass_best_ms": min(walls) * 1e3,
        "pass_cpu_ms": median(cpus) * 1e3,
        "render_cpu_ms": median(renders) * 1e3,
    }


def of_processes(
    running: Mapping[str, Running], *, scrapes: int, seconds: float
) -> dict[str, Figures]:
    """What a scrape of each takes, in random order turn by turn; then what a second costs each."""
    clients = {name: Client(one.url) for name, one in running.items()}
    times: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(scrapes):
        for name in random.sample(list(clients), len(clients)):
            times[name].append(timed(clients[name].get))
    shares = core_shares(running, clients, seconds)
    pages = {name: client.get() for name, client in clients.items()}
    return {
        name: {
            "series": float(sum(not line.startswith("#") for line in pages[name].splitlines())),
            "page_kib": len(pages[name]) / 1024,
            "scrape_p50_ms": median(taken) * 1e3,
            "scrape_p99_ms": sorted(taken)[int(0.99 * len(taken))] * 1e3,
            "rss_mib": resident_mib(running[name].pid),
            "core_percent": 100 * shares[name],
        }
        for name, taken in times.items()
    }


def core_shares(
    running: Mapping[str, Running], clients: Mapping[str, Client], seconds: float
) -> Figures:
    """Shares of one core while devices are read, and the page scraped, once a second."""
    before = {name: cpu_seconds(one.pid) for name, one in running.items()}
    began = time.monotonic()
    for second in range(int(seconds)):
        time.sleep(max(0.0, began + second + 1 - time.monotonic()))
        for client in clients.values():
            client.get()
    elapsed = time.monotonic() - began
    return {name: (cpu_seconds(one.pid) - before[name]) / elapsed for name, one in running.items()}


class Client:
    """Scrapes one address over a connection that it keeps, as Prometheus does."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        self._path = parts.path

    def get(self) -> str:
        """The page; raises where the exporter does not answer 200."""
        self._connection.request("GET", self._path)
        answer = self._connection.getresponse()
        page = answer.read().decode()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{self._path} answered {answer.status}")
        return page


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)


def cpu_seconds(pid: int) -> float:
    """CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def use_scenario(folder: Path, device: str, *lines: str) -> None:
    """Make the simulated driver tell of eight such devices; processes on them do not exist."""
    path = folder / "scenario.txt"
    path.write_text(
        "\n".join((f"include = {scenario_file(device)}", f"gpus = {GPUS}", *lines, "")),
        encoding="utf-8",
    )
    os.environ[SCENARIO_VARIABLE] = str(path)


def measure(folder: Path, device: str, *, scrapes: int, seconds: float) -> dict[str, Figures]:
    """All figures of one kind of device, by exporter."""
    library = build_shim(folder)
    use_scenario(folder, device)
    with ExitStack() as stack:
        running = {"ours": stack.enter_context(exporters.ours(library))}
        if exporters.nvitop_exporter() is not None:
            running["nvitop-exporter"] = stack.enter_context(exporters.nvitop(library))
        found = of_processes(running, scrapes=scrapes, seconds=seconds)
    found["ours"] |= of_passes(library, passes=30)
    use_scenario(folder, device, f"delay_us = {DELAY_MICROSECONDS}")
    delayed = of_passes(library, passes=30)
    found["ours"] |= {f"delayed_{name}": delayed[name] for name in ("pass_ms", "pass_best_ms")}
    return found


def rows(device: str, found: Mapping[str, Figures]) -> list[tuple[str, ...]]:
    """One row a figure, ours first; a peer's with how many times ours it is."""
    ours = found["ours"]
    peers: Sequence[Figures] = [figures for name, figures in found.items() if name != "ours"]
    return [
        (
            device,
            name,
            f"{value:.2f}",
            *(rounds.beside(peer[name], value) if name in peer else "–" for peer in peers),
        )
        for name, value in ours.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    found = {}
    for device in DEVICES:
        with tempfile.TemporaryDirectory() as folder:
            found[device] = measure(
                Path(folder), device, scrapes=wanted.scrapes, seconds=wanted.seconds
            )
    if exporters.nvitop_exporter() is None:
        print("nvitop-exporter is not installed (uv sync --group bench): ours alone")
    head = ("device", "figure", *found[DEVICES[0]])
    print(rounds.table(head, [row for device in DEVICES for row in rows(device, found[device])]))
    if wanted.json:
        rounds.write_json(wanted.json, {"gpus": GPUS, **found})


if __name__ == "__main__":
    main()
