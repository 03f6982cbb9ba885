"""Documents that real writers wrote, from the archive beside the checkout or in $BENCH_DATA."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

ARCHIVE = "es_shapes.tar.xz"


def unpack(folder: Path) -> Path:
    """Unpack into `folder`; skip the test, with the reason, where there is no archive."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    data = Path(os.environ.get("BENCH_DATA") or beside)
    if not (data / ARCHIVE).is_file():
        pytest.skip(f"no {ARCHIVE} in {data}; set BENCH_DATA to the folder that has it")
    with tarfile.open(data / ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "es_shapes"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
