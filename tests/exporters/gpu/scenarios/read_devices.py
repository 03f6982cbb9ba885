"""Run the exporter on the library named by the first argument, and print its page.

A process of its own per scenario: NVML is one per process. The second argument is how many passes
are made, a second apart on a clock of our own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml

HANGING_SECONDS = 1.0


def main(library: Path, passes: int) -> None:
    now = 1000.0
    exporter = GpuExporter(Nvml(library), clock=lambda: now)
    for _ in range(passes):
        exporter.sample(HANGING_SECONDS)
        now += 1.0
    now -= 1.0
    sys.stdout.write(exporter.collect_text())
    sys.stdout.flush()
    os._exit(0)  # a call that hangs would keep the process


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
