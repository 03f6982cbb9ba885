"""Public data sets from the archives beside the checkout or in $BENCH_DATA."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest


def unpack(name: str, folder: Path) -> Path:
    """Unpack the set `name` into `folder`; skip, with the reason, where there is no archive."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    data = Path(os.environ.get("BENCH_DATA") or beside)
    packed = data / f"{name}.tar.xz"
    if not packed.is_file():
        pytest.skip(f"no {packed.name} in {data}; set BENCH_DATA to the folder that has it")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / name
