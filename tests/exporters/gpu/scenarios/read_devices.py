"""Run the exporter on the library named by the first argument, and print its page.

A process of its own per scenario: NVML is one per process. The second argument is how many passes
are made, a second apart on a clock of our own, which the simulated driver follows.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from demo.device import SCENARIO_VARIABLE
from exporters.gpu.attribution import Attribution, Places
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml

HANGING_SECONDS = 1.0
SEEN_SECONDS = 0.02
"""The library looks at its scenario every few milliseconds."""

NOWHERE = Path("/nonexistent")
START = 100.0


class Clock:
    """Seconds, as the scenario's line `time = …` has them."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        scenario = Path(os.environ[SCENARIO_VARIABLE])
        fresh = scenario.with_name("fresh.txt")
        text = scenario.read_text(encoding="utf-8")
        fresh.write_text(re.sub(r"(?m)^time = .*$", f"time = {self.now}", text), encoding="utf-8")
        fresh.replace(scenario)
        time.sleep(SEEN_SECONDS)


def main(library: Path, passes: int) -> None:
    clock = Clock()
    attribution = Attribution(
        Places(proc=NOWHERE, log_links=NOWHERE, pod_resources=NOWHERE), clock=clock
    )
    exporter = GpuExporter(Nvml(library), clock=clock, after_pass=attribution.observe)
    attribution.follow(exporter.snapshot)
    for number in range(passes):
        if number:
            clock.advance(1.0)
        exporter.sample(HANGING_SECONDS)
    sys.stdout.write(exporter.collect_text() + attribution.collect_text())
    sys.stdout.flush()
    os._exit(0)  # a call that hangs would keep the process


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
