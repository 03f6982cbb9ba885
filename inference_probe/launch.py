"""The probe as the command starts it: kernels, endpoints or both; for good, or one look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference_probe.canary import server as canary
from inference_probe.canary import table as attempts_table
from inference_probe.config import ProbeSection


@dataclass
class Look:
    """What was seen, as JSON wants it, and whether every endpoint answered well."""

    report: dict[str, Any] = field(default_factory=dict)
    ok: bool = True


def look_once(section: ProbeSection, *, kernels: bool) -> Look:
    """Look once and print what is seen; without `kernels`, ask the endpoints alone.

    Raises UsageError where there is neither a device nor an endpoint to look at.
    """
    seen = Look()
    if kernels:
        seen.report["devices"] = _devices(section)
    if section.canary.targets or not kernels:
        attempts = canary.ask_once(section.canary)
        attempts_table.show(attempts)
        seen.report["endpoints"] = [attempt.as_dict() for attempt in attempts]
        seen.ok = all(attempt.is_ok for attempt in attempts)
    return seen


def _devices(section: ProbeSection) -> list[dict[str, Any]]:
    from inference_probe import server, table  # noqa: PLC0415  torch; endpoints need none

    devices = server.measure_once(section)
    table.show(devices)
    return [device.as_dict() for device in devices]


def serve(
    section: ProbeSection, *, kernels: bool, announce: Callable[[str], object] | None = None
) -> None:
    """Serve /metrics until SIGINT or SIGTERM; without `kernels`, of the endpoints alone.

    Raises UsageError for a device that is not there, no endpoint to ask where they are all there
    is, a port that is taken or a web config that cannot be used.
    """
    if not kernels:
        web = section.web_config
        canary.serve(section.canary, section.host, section.port, announce=announce, web_config=web)
        return
    from inference_probe import server  # noqa: PLC0415  torch; endpoints need none

    with canary.running(section.canary) as endpoints:
        server.serve(section, announce=announce, beside=[endpoints])
