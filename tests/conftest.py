"""Fixtures for all rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import Golden

pytest_plugins = ["tests.servers"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="renew the golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    folder = Path(request.path).parent / "golden"
    return Golden(folder, update=bool(request.config.getoption("--update-golden")))
