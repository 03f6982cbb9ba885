"""Large things that are set up once, on request, in the user's cache: asked, locked, told.

One folder for each version; it counts as whole from the moment in which its marker is written, so
that a set-up that was cut short is begun anew and never used.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.servers.process import last_line
from exporters.errors import ServerMissingError, UsageError

MARKER: Final = "whole"
GIB: Final = 2**30

Say = Callable[[str], object]
Ask = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one version of one thing is made: `make` fills the folder it is given.

    `needs_bytes` is the free disk it takes while it is made; `programs` are (program, Debian
    package) that the machine must have; `without` is what to do where it is not wanted.
    """

    name: str
    version: str
    says: str
    needs_bytes: int
    programs: Sequence[tuple[str, str]]
    make: Callable[[Path, Workshop], None]
    without: str = "use --engine tiny, which needs nothing"

    def home(self, cache: Path) -> Path:
        """Where it is, or will be."""
        return cache / f"{self.name}-{self.version}"

    def is_there(self, cache: Path) -> bool:
        """Whether it was made before, to the end."""
        return (self.home(cache) / MARKER).is_file()


@dataclass(frozen=True)
class Workshop:
    """What a recipe works with: where its commands log, and how it tells how far it is."""

    log: Path
    say: Say

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> None:
        """Run a command at low priority with its output in the log; `heard` gets each line.

        Raises ServerMissingError with the last line of the log when it fails.
        """
        command = ["nice", "-n", "10", *map(str, argv)]
        with (
            self.log.open("a", encoding="utf-8", buffering=1) as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                text=True,
                errors="replace",
            ) as process,
        ):
            try:
                for line in process.stdout or ():
                    log.write(line)
                    if heard is not None:
                        heard(line)
                code = process.wait()
            except BaseException:  # Ctrl-C, too, must leave nothing running
                process.kill()
                raise
        if code:
            raise ServerMissingError(
                f"{Path(argv[0]).name} failed with exit code {code}: {last_line(self.log)}; "
                f"the whole log is {self.log}; mend that, and run again"
            )


def ensure(recipe: Recipe, cache: Path, say: Say, ask: Ask | None = None) -> Path:
    """The recipe's folder, made now if it is not there.

    `ask` is asked first where a person can answer (by default: on a terminal). Two that want it
    at once do not both make it: the second waits for the first.
    Raises ServerMissingError when something is missing for it or a step fails, UsageError when
    the person says no.
    """
    home = recipe.home(cache)
    if recipe.is_there(cache):
        return home
    _check_programs(recipe)
    _make_folder(cache)
    _check_disk(recipe, cache)
    question = f"{recipe.name} {recipe.version} is not in {cache}: {recipe.says}. Set it up now?"
    if not (ask or _on_a_terminal)(question):
        raise UsageError(
            f"{recipe.name} is not set up and you said no; run again and say yes, or "
            f"{recipe.without}"
        )
    with _only_one(cache / f"{recipe.name}.lock", say):
        if not recipe.is_there(cache):
            _make(recipe, home, say)
    return home


def _make(recipe: Recipe, home: Path, say: Say) -> None:
    say(f"setting up {recipe.name} {recipe.version}: {recipe.says}")
    shutil.rmtree(home, ignore_errors=True)  # one that was cut short
    home.mkdir()
    log = home.with_name(f"{home.name}.log")
    log.unlink(missing_ok=True)
    try:
        recipe.make(home, Workshop(log, say))
    except BaseException:  # half of it is of no use, whatever stopped it
        shutil.rmtree(home, ignore_errors=True)
        raise
    (home / MARKER).touch()
    say(f"{recipe.name} is set up in {home}")


def _check_programs(recipe: Recipe) -> None:
    missing = [(name, package) for name, package in recipe.programs if not shutil.which(name)]
    if missing:
        names, packages = (" ".join(dict.fromkeys(column)) for column in zip(*missing, strict=True))
        raise ServerMissingError(
            f"{recipe.name} cannot be set up: {names} not found on PATH; "
            f"run: apt-get install {packages}"
        )


def _make_folder(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerMissingError(
            f"{cache} cannot be made ({error.strerror}); make it, or set XDG_CACHE_HOME to a "
            "folder that you may write"
        ) from None


def _check_disk(recipe: Recipe, cache: Path) -> None:
    free = shutil.disk_usage(cache).free
    if free < recipe.needs_bytes:
        raise ServerMissingError(
            f"{recipe.name} takes {recipe.needs_bytes / GIB:.1f} GiB while it is set up, and "
            f"{cache} has {free / GIB:.1f} GiB free; make room, or set XDG_CACHE_HOME to a "
            "folder on a larger disk"
        )


def _on_a_terminal(question: str) -> bool:
    """Ask a person; where there is none, the command that was given is the answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


@contextmanager
def _only_one(lock: Path, say: Say) -> Iterator[None]:
    """Hold the lock; it goes with the process, however that ends."""
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is setting this up; waiting for it ({lock})")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
