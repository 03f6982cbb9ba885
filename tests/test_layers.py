from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("exporters", "inference_probe", "alerts", "dashboards", "analysis", "demo", "benchmarks")
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def modules_after(statement: str) -> set[str]:
    script = (
        f"import sys\n{statement}\nprint(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


def test_the_catalogue_needs_the_standard_library_alone():
    foreign = {
        name.partition(".")[0] for path in sources("exporters/catalog") for name in imports_of(path)
    } - sys.stdlib_module_names

    assert {"exporters"} == foreign


def test_no_room_imports_the_command():
    assert [] == [path for path in sources(*ROOMS) if "busysignal" in set(imports_of(path))]


@pytest.mark.parametrize(
    "room", ["exporters.gpu.server", "alerts.render", "dashboards.render", "analysis.watch"]
)
def test_no_room_but_the_probe_and_the_demo_loads_torch(room: str):
    assert "torch" not in modules_after(f"import {room}")


def test_each_untyped_library_stands_behind_one_adapter():
    users = {
        library: {
            path.relative_to(ROOT).parts[:2]
            for path in sources(*ROOMS)
            for name in imports_of(path)
            if name.partition(".")[0] == library
        }
        for library in ("grafanalib", "pynvml")
    }

    assert {("dashboards", "grafana")} == users["grafanalib"]
    assert {("exporters", "gpu")} == users["pynvml"]


def test_every_module_opens_with_one_sentence():
    silent = [
        path
        for path in [*sources(*ROOMS), ROOT / "busysignal.py"]
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert [] == silent


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name
)
def test_every_link_of_the_manual_leads_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    broken = [found[1] for found in LINK.finditer(text) if not (page.parent / found[1]).exists()]

    assert [] == broken
