"""One recording rule for every neutral signal, from whatever the exporters and engines write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import thresholds
from alerts.model import Group
from alerts.recording import (
    aliases,
    device,
    hardware,
    health,
    levels,
    objectives,
    outside,
    parts,
    presence,
    replica,
    service,
    stack,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.config import RulesSection
    from alerts.model import Alert


def groups(section: RulesSection, alerts: Iterable[Alert]) -> tuple[Group, ...]:
    """Every recording; what the alerts read is watched, and their levels can be set."""
    scale, alerts = section.scale, tuple(alerts)
    return (
        Group("busysignal-traffic", service.traffic(scale)),
        Group("busysignal-latency", (*service.latency(scale), *service.prompts(scale))),
        Group(
            "busysignal-replicas",
            (
                *replica.queues(scale),
                *replica.engines(scale),
                *replica.rotation(scale),
                *replica.processes(scale),
            ),
        ),
        Group(
            "busysignal-parts",
            (*parts.phases(scale), *parts.versions(), *parts.queues(), *parts.devices()),
        ),
        Group(
            "busysignal-gpus", (*device.gpus(scale), *device.kernels(scale), *health.devices(scale))
        ),
        Group(
            "busysignal-hardware",
            (
                *hardware.chips(scale),
                *hardware.links(scale),
                *hardware.troubles(scale),
                *hardware.readings(scale),
                *hardware.probes(scale),
            ),
        ),
        Group("busysignal-outside", (*outside.canaries(scale), *outside.callers(scale))),
        Group("busysignal-hosts", device.hosts(scale)),
        Group("busysignal-levels", levels.recordings(section)),
        Group("busysignal-thresholds", thresholds.recordings(section, alerts)),
        Group("busysignal-objectives", objectives.fast(section)),
        Group("busysignal-objectives-slow", objectives.slow(section), scale.window("2m")),
        Group(
            "busysignal-presence",
            (
                *presence.targets(),
                *presence.missing((alert.expr for alert in alerts), scale),
                *aliases.shown(),
                *aliases.missing(),
                *stack.servers(scale),
            ),
        ),
    )
