"""Compile the stand-in for libnvidia-ml.so.1 once per source, compiler flags and machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from exporters.errors import BusySignalError, ServerMissingError

SOURCE: Final = Path(__file__).with_name("libnvml_shim.c")
SONAME: Final = "libnvidia-ml.so.1"
FLAGS: Final = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-pthread")


def build_shim(cache_dir: Path) -> Path:
    """Return the compiled library below `cache_dir`, building it where this source has none."""
    source = SOURCE.read_bytes()
    key = hashlib.sha256(source + " ".join((*FLAGS, platform.machine())).encode()).hexdigest()
    library = cache_dir / f"nvml-shim-{key[:16]}" / SONAME
    if not library.exists():
        _compile(library)
    return library


def _compile(library: Path) -> None:
    compiler = _compiler()
    library.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may build at once: each compiles beside the target and renames over it.
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        fresh = Path(folder) / SONAME
        command = [compiler, *FLAGS, f"-Wl,-soname,{SONAME}", "-o", str(fresh), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines() or ["no message"]
            raise BusySignalError(f"{compiler} could not compile {SOURCE.name}: {reason[0]}")
        fresh.replace(library)


def _compiler() -> str:
    named = os.environ.get("CC")
    for name in [named] if named else ["cc", "gcc", "clang"]:
        if found := shutil.which(name):
            return found
    raise ServerMissingError(
        f"no C compiler for the simulated GPU ({'CC=' + named if named else 'cc, gcc, clang'} "
        "not on PATH); install one with: apt-get install gcc libc6-dev"
    )
