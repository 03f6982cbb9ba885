from __future__ import annotations

from alerts import rules
from alerts.config import RulesSection, Thresholds
from alerts.rules.device import FATAL_XIDS
from alerts.rules.gpu import CONTAINED_XIDS, FATAL_EVENTS
from exporters.catalog.gpu_health import EVENTS
from exporters.gpu.events import KNOWN_XIDS


def test_what_alerts_read_of_the_driver_exists():
    assert set(CONTAINED_XIDS.split("|")) <= {str(code) for code in KNOWN_XIDS}
    assert not set(CONTAINED_XIDS.split("|")) & set(FATAL_XIDS.split("|"))
    assert set(FATAL_EVENTS.split("|")) <= set(EVENTS)


def test_simulated_gpus_raise_nothing_where_they_are_meant():
    section = RulesSection(thresholds=Thresholds(gpu_simulated_accepted=True))
    names = {alert.name for alert in rules.alerts_in(rules.groups(section))}

    assert "GpuSimulated" not in names
    assert "GpuReadingsStale" in names


def test_no_family_need_be_accepted_as_denied():
    assert "unless" in _denied(Thresholds()).expr
    assert "unless" not in _denied(Thresholds(gpu_denied_accepted=())).expr


def _denied(thresholds):
    made = rules.alerts_in(rules.groups(RulesSection(thresholds=thresholds)))
    return next(alert for alert in made if alert.name == "GpuReadingsDenied")
