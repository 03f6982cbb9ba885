"""Dashboards by uid and the variables they take, so that alerts can link to them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True)
class Board:
    """One dashboard: its uid, title and the variables it accepts in its address."""

    uid: str
    title: str
    variables: tuple[str, ...]

    def path(self, **values: str) -> str:
        """Address below Grafana's root, with `var-NAME=value` for each given variable."""
        unknown = sorted(set(values) - set(self.variables))
        if unknown:
            raise ValueError(
                f"dashboard {self.uid} has no variable {', '.join(unknown)}; "
                f"it has {', '.join(self.variables)}"
            )
        query = urlencode({f"var-{name}": value for name, value in values.items()}, safe="{}$ .")
        return f"/d/{self.uid}" + (f"?{query}" if query else "")


FLEET = Board("busysignal-fleet", "Fleet overview", ("datasource",))
SERVICE = Board("busysignal-service", "Service overview", ("datasource", "service", "model"))
MODEL = Board("busysignal-model", "Model", ("datasource", "service", "model"))
REPLICA = Board("busysignal-replica", "Replica", ("datasource", "service", "replica"))
GPU = Board("busysignal-gpu", "GPUs", ("datasource", "service", "instance", "gpu"))
SLO = Board("busysignal-slo", "Service levels and budget", ("datasource", "service"))
SATURATION = Board("busysignal-saturation", "Saturation", ("datasource", "service", "replica"))
LATENCY = Board("busysignal-latency", "Latency anatomy", ("datasource", "service", "model"))
PROBE = Board("busysignal-probe", "Kernel probe", ("datasource", "instance", "device"))
COST = Board("busysignal-cost", "Cost and energy", ("datasource", "service"))
INCIDENTS = Board("busysignal-incidents", "Alerts and verdicts", ("datasource", "service"))
ENDPOINTS = Board(
    "busysignal-endpoints", "Endpoints and callers", ("datasource", "service", "endpoint")
)
MACHINES = Board("busysignal-machines", "Machines", ("datasource", "instance"))
STACK = Board("busysignal-stack", "Stack health", ("datasource",))
LOGS = Board("busysignal-logs", "Logs by template", ("datasource", "logs", "part"))

BOARDS = (
    FLEET, SERVICE, MODEL, REPLICA, GPU, SLO, SATURATION, LATENCY, PROBE, MACHINES, COST,
    INCIDENTS, ENDPOINTS, STACK, LOGS,
)  # fmt: skip
"""From the fleet down to one device, then what looks at all of it from one side."""
