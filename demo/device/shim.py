"""Compile the stand-in for libnvidia-ml.so.1 once per source, compiler flags and machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from demo.device.scenario import DEFAULT_SCENARIO
from exporters.errors import BusySignalError, ServerMissingError

SOURCES: Final = Path(__file__).with_name("nvml")
"""The folder of the library's C sources; `library.c` says which calls exist."""

SONAME: Final = "libnvidia-ml.so.1"
FLAGS: Final = (
    "-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread",
    "-ffp-contract=off",  # the same digits on every processor
)  # fmt: skip


def build_shim(cache_dir: Path, *, absent_symbols: Sequence[str] = ()) -> Path:
    """Return the compiled library below `cache_dir`, building it where these sources have none.

    `absent_symbols` (with `*`) are left out, as a driver older than they are would have it.
    """
    definition = f'-DDEFAULT_SCENARIO="{DEFAULT_SCENARIO}"'
    content = b"".join(path.read_bytes() for path in sorted(SOURCES.glob("*.[ch]")))
    told = " ".join((*FLAGS, definition, *absent_symbols, platform.machine()))
    key = hashlib.sha256(content + told.encode()).hexdigest()
    library = cache_dir / f"nvml-shim-{key[:16]}" / SONAME
    if not library.exists():
        _compile(library, definition, absent_symbols)
    return library


def _compile(library: Path, definition: str, absent_symbols: Sequence[str]) -> None:
    compiler = _compiler()
    library.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may build at once: each compiles beside the target and renames over it.
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        fresh, exports = Path(folder) / SONAME, Path(folder) / "exports"
        hidden = "".join(f"{symbol}; " for symbol in absent_symbols)
        exports.write_text(f"{{ global: *; local: {hidden}_no_such_symbol; }};\n", encoding="ascii")
        sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
        link = (f"-Wl,-soname,{SONAME}", f"-Wl,--version-script={exports}", "-o", str(fresh))
        done = subprocess.run(
            [compiler, *FLAGS, definition, *link, *sources, "-lm"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines() or ["no message"]
            raise BusySignalError(f"{compiler} could not compile {SOURCES.name}: {reason[0]}")
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
