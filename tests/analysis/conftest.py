from __future__ import annotations

from pathlib import Path

import pytest

from analysis.config import WatchSection


@pytest.fixture
def section(tmp_path: Path) -> WatchSection:
    return WatchSection(database=tmp_path / "watch.sqlite", verdicts=tmp_path / "verdicts")
