"""What companions are told: TOML of BusySignal's own processes, and the scenario of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.device.scenario import scenario_file
from demo.service.config import MODEL

if TYPE_CHECKING:
    from pathlib import Path

CANARY = """\
[[probe.canary.targets]]
name = "{name}"
url = "{url}/v1"
model = "{model}"
max_tokens = 4
{more}
"""


def gpu(port: int) -> str:
    """A GPU exporter of the machine below."""
    return f"[gpu]\nport = {port}\n"


def forecast(port: int, prometheus: str, capacity: float) -> str:
    """A forecast a second, of the next minutes, against a capacity that is close."""
    return (
        f'[prometheus]\nurl = "{prometheus}"\n'
        f"[forecast]\nport = {port}\nevery_seconds = 1.0\nstep_seconds = 1.0\n"
        "history_days = 0.01\nahead_hours = 0.1\ntell_hours = [0.05, 0.1]\n"
        f"[forecast.capacity]\nrequests = {capacity}\n"
    )


def probe(port: int, gateway: str, front: str, certificate: Path) -> str:
    """A probe that holds back while its GPU is busy, and the canary's three endpoints."""
    return (
        f'[probe]\nport = {port}\ndevice = "demo.companions.device:first_gpu"\n'
        "interval_seconds = 0.5\nduty_ratio = 0.1\nbaseline_samples = 5\n"
        f'baseline_file = "{certificate.with_name("baseline.json")}"\n'
        "[probe.pause]\nabove_utilization = 0.7\n"
        "[probe.canary]\ninterval_seconds = 0.4\nretries = 0\nretry_after_cap_seconds = 0.2\n"
        + CANARY.format(name="gateway", url=gateway, model=MODEL, more="")
        + CANARY.format(
            name="front door", url=front, model=MODEL, more=f'ca_file = "{certificate}"'
        )
        + CANARY.format(
            name="gateway, strict", url=gateway, model=MODEL, more='answers_as = "another model"'
        )
    )


def machine(*, holder: int, link: int) -> str:
    """An H200 cut by MIG and a whole one, which the process `holder` uses; `link` 0 is down.

    One call into its driver fails without a name.
    """
    return f"""\
include = {scenario_file("h200-mig").resolve()}
gpus = 3

[gpu 2]
FieldValues.165.3 = ui: {link}
FanSpeed = UNKNOWN
Process.0 = pid={holder} memory=21474836480 sm=40 mem=20
"""
