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


SERVICE = Board("busysignal-service", "Service overview", ("datasource", "service", "model"))
GPU = Board("busysignal-gpu", "GPUs", ("datasource", "instance", "gpu"))
PROBE = Board("busysignal-probe", "Kernel probe", ("datasource", "instance", "device"))
ENDPOINTS = Board(
    "busysignal-endpoints", "Endpoints and callers", ("datasource", "service", "endpoint")
)

BOARDS = (SERVICE, GPU, PROBE, ENDPOINTS)
