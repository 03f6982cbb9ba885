from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection, Prices
from dashboards.render import documents
from tests.grafana_schema import problems

PRICES = Prices(gpu_hour=Decimal("2.5"), kilowatt_hour=Decimal("0.3"))
DOCUMENTS = documents(DashboardsSection(prices=PRICES), RulesSection())


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_grafanas_own_schema_finds_nothing_wrong(document: dict[str, Any]):
    assert problems(document) == []


def test_the_schema_finds_what_stock_grafanalib_does_wrong():
    document = copy.deepcopy(DOCUMENTS["busysignal-service"])
    panel = next(panel for panel in document["panels"] if panel["type"] == "stat")
    panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] = "null"
    panel["options"]["colorMode"] = "loud"
    panel["span"] = 4
    del panel["options"]["graphMode"]

    assert sorted(line.partition(": ")[2] for line in problems(document)) == [
        "'loud' is no BigValueColorMode",
        "'null' is no number",
        "Options needs graphMode",
        "Panel has no span",
    ]
