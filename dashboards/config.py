"""The [dashboards] section of the config."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from alerts.messages import Languages
from dashboards.log_fields import Shape
from exporters.settings import Section

Span = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhd]$")]
"""A number and its unit as Grafana and Prometheus write it: 10s, 5m, 1h, 7d."""


class Prices(Section):
    """What GPU time and energy cost; what has no price is shown in GPU-seconds and joules alone."""

    gpu_hour: Annotated[Decimal, Field(gt=0)] | None = None
    kilowatt_hour: Annotated[Decimal, Field(gt=0)] | None = None
    currency: str = Field(default="$", min_length=1, max_length=4)

    @property
    def known(self) -> bool:
        return self.gpu_hour is not None or self.kilowatt_hour is not None


class DashboardsSection(Section):
    """How the dashboards open, and what Grafana's provisioning files say."""

    language: Languages = "en"

    refresh: Span = "30s"
    time_range: Span = "1h"
    folder: str = Field(default="BusySignal", min_length=1)
    dashboards_path: str = Field(default="/var/lib/grafana/dashboards/busysignal", min_length=1)
    prometheus_url: str = Field(default="http://127.0.0.1:9090", pattern=r"^https?://")
    elasticsearch_url: str = Field(default="http://127.0.0.1:9200", pattern=r"^https?://")
    logs_index: str = Field(default="logs-*", min_length=1)
    logs_shape: Shape = "otel"
    trace_url: str = ""
    prices: Prices = Prices()
