"""The [dashboards] section of the config."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from exporters.settings import Section

Span = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhd]$")]
"""A number and its unit as Grafana and Prometheus write it: 10s, 5m, 1h, 7d."""


class DashboardsSection(Section):
    """How the dashboards open, and what Grafana's provisioning files say."""

    refresh: Span = "30s"
    time_range: Span = "1h"
    folder: str = Field(default="BusySignal", min_length=1)
    dashboards_path: str = Field(default="/var/lib/grafana/dashboards/busysignal", min_length=1)
    prometheus_url: str = Field(default="http://127.0.0.1:9090", pattern=r"^https?://")
    trace_url: str = ""
