"""The way from the command, which is large, into the serving process, which is small."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from exporters.gpu.config import GpuSection

HOME: Final = Path(__file__).parents[2]
"""Where `exporters` is found; last on the path, so that it hides nothing."""

BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from exporters.gpu.__main__ import main; sys.exit(main(sys.argv[2]))"
)


def become_exporter(section: GpuSection) -> NoReturn:
    """Serve in this very process (its pid, its signals), with nothing of the command left in it."""
    sys.stdout.flush()
    sys.stderr.flush()
    settings = section.model_dump_json()
    os.execv(sys.executable, [sys.executable, "-P", "-c", BOOT, str(HOME), settings])  # noqa: S606  no shell is the point
