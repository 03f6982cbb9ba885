"""Grafana's components from npm, set up once on request, and our page bundled with them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.engines.setting_up import GIB, Recipe, Say, Workshop, ensure
from demo.servers.elasticsearch import cache
from exporters.errors import ServerMissingError

SOURCES: Final = Path(__file__).parent
LOCK: Final = SOURCES / "package-lock.json"
KINDS: Final = (".ts", ".tsx", ".json")
OPTIONS: Final = (
    "--bundle", "--minify", "--log-level=error", "--loader:.ttf=empty",
    "--loader:.woff2=dataurl", "--loader:.woff=empty",
    '--define:process.env.NODE_ENV="production"', "--define:global=window",
)  # fmt: skip


@dataclass(frozen=True)
class Bundle:
    """One script and one style sheet, all in them."""

    js: str
    css: str


def make(home: Path, workshop: Workshop) -> None:
    """Install exactly what the lock file names, and run nothing of it."""
    for name in ("package.json", LOCK.name):
        shutil.copy2(SOURCES / name, home)
    workshop.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder=home)


def recipe() -> Recipe:
    """A new lock file is a new version."""
    return Recipe(
        name="grafana-ui",
        version=hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12],
        says="npm installs 480 packages, 0.7 GB, in one to five minutes",
        needs_bytes=GIB,
        programs=(("npm", "npm"), ("node", "nodejs")),
        make=make,
        without="leave out --renderer grafana-ui",
    )


def set_up(say: Say) -> Path:
    """The folder that npm filled, filled now if it is not there.

    Raises ServerMissingError when npm is missing or fails, UsageError when a person says no.
    """
    return ensure(recipe(), cache(), say)


def bundle(home: Path) -> Bundle:
    """Our page and all that it imports, made by esbuild in about two seconds.

    Raises ServerMissingError with what esbuild said.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = laid_out(home, Path(folder))
        esbuild = str(home / "node_modules" / ".bin" / "esbuild")
        command = [esbuild, "page.tsx", "--outfile=page.js", *OPTIONS]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerMissingError(
                f"esbuild could not bundle {SOURCES}: {done.stderr.strip()}; remove {home} to "
                "have it set up anew"
            )
        return Bundle(*((place / f"page.{kind}").read_text("utf-8") for kind in ("js", "css")))


def laid_out(home: Path, place: Path) -> Path:
    """Our sources beside what npm installed, as compilers look for it."""
    for source in SOURCES.iterdir():
        if source.suffix in KINDS:
            shutil.copy2(source, place)
    (place / "node_modules").symlink_to(home / "node_modules")
    return place
