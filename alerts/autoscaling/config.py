"""The config section [autoscaling]: bounds, targets and pace, for manifests and for reasons."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from exporters.settings import Section

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Percent = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[int, Field(ge=0, le=3600)]


class Pace(Section):
    """Fast up, slow down: what may change in one period, and how long a lower need must last."""

    up_percent: Count = 100
    up_replicas: Count = 4
    up_period_seconds: Annotated[int, Field(ge=1, le=1800)] = 15
    up_wait_seconds: Seconds = 0
    down_replicas: Count = 1
    down_period_seconds: Annotated[int, Field(ge=1, le=1800)] = 60
    down_wait_seconds: Seconds = 300


class AutoscalingSection(Section):
    """Targets are what one replica should bear; each may be left out with null."""

    namespace: Name = "default"
    deployment: Name = "llm"
    service: str = "llm"
    prometheus_url: str = "http://prometheus.monitoring.svc:9090"
    replicas_min: Count = 3
    replicas_max: Count = 20
    cpu_percent: Percent | None = 70
    requests_per_second: Annotated[float, Field(gt=0)] | None = 500
    gpu_percent: Percent | None = 70
    queue: Annotated[float, Field(gt=0)] | None = 50
    forecast_ahead: Annotated[str, Field(pattern=r"^\d+[mh]$")] | None = "15m"
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.replicas_min > self.replicas_max:
            raise ValueError(
                f"replicas_min = {self.replicas_min} is more than replicas_max = "
                f"{self.replicas_max}; lower the one or raise the other"
            )
        return self
