from __future__ import annotations

from pathlib import Path

import pytest

from exporters.catalog import ROOMS
from exporters.catalog.boards import SERVICE
from exporters.catalog.table import markdown

ROOT = Path(__file__).parents[3]


def test_every_signal_has_its_line():
    table = markdown()

    for signals in ROOMS.values():
        for signal in signals:
            assert signal.help in table


def test_the_committed_table_is_fresh():
    assert markdown() == (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")


def test_a_link_to_a_dashboard_carries_its_variables():
    assert SERVICE.path(service="chat") == "/d/busysignal-service?var-service=chat"


def test_a_link_with_a_variable_the_dashboard_lacks_is_refused():
    with pytest.raises(
        ValueError, match="dashboard busysignal-service has no variable gpu; it has"
    ):
        SERVICE.path(gpu="0")
