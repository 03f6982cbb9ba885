from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PACKAGES = {"exporters", "exporters.catalog"}
"""From these a module is imported, not a name."""

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "exporters.catalog.requests",
    "exporters.catalog.engine",
    "exporters.clients",
    "exporters.errors",
    "exporters.exposition",
    "exporters.host",
    "exporters.requests",
    "exporters.requests.caches",
    "exporters.requests.traces",
    "exporters.settings",
    "exporters.telemetry",
}
"""What docs/requests.md, docs/clients.md and docs/telemetry.md tell anybody to import."""


def imported(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from ((alias.name, "") for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield from ((node.module, alias.name) for alias in node.names)


def of_exporters(*folders: str) -> set[tuple[str, str]]:
    return {
        (f"{module}.{name}", "") if module in PACKAGES else (module, name)
        for module, name in imported(*folders)
        if module.partition(".")[0] == "exporters"
    }


def test_the_demo_measures_itself_with_what_everybody_may_import():
    modules = {module for module, _ in of_exporters("demo/service", "demo/load")}

    assert set() == modules - PUBLIC
    assert {"exporters.clients", "exporters.requests", "exporters.telemetry"} <= modules


@pytest.mark.parametrize("module", sorted(PUBLIC))
def test_the_demo_takes_no_private_name(module: str):
    used = of_exporters("demo/service", "demo/load")
    names = {name for of, name in used if of == module and name}
    shown = getattr(import_module(module), "__all__", names)

    assert set() == names - set(shown)
    assert not [name for name in names if name.startswith("_")]
