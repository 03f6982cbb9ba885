"""The config sections of the analysis and of `busysignal watch`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from alerts.messages import Language
from exporters.settings import Section


class CostSection(Section):
    """What things cost, for the money of an incident; what has no price is left out."""

    gpu_hour_price: float | None = Field(default=None, ge=0.0)
    failed_request_price: float | None = Field(default=None, ge=0.0)
    user_minute_price: float | None = Field(default=None, ge=0.0)
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")


class AnalysisSection(Section):
    """What a verdict looks at, in seconds of real time; `time_scale` divides every length."""

    time_scale: float = Field(default=1.0, ge=1.0, le=600.0)
    service: str | None = None
    baseline_seconds: float = Field(default=1320.0, ge=60.0, le=86_400.0)
    incident_seconds: float = Field(default=900.0, ge=60.0, le=86_400.0)
    step_seconds: float = Field(default=15.0, ge=1.0, le=3600.0)
    budget_seconds: float = Field(default=5.0, gt=0.0, le=600.0)
    concurrency: int = Field(default=6, ge=1, le=64)
    span_limit: int = Field(default=200_000, ge=100)
    language: Language = "en"
    confidence_bar: float = Field(default=0.6, gt=0.0, lt=1.0)
    history_seconds: float = Field(default=604_800.0, ge=3600.0, le=31_536_000.0)
    """How far back a proposed rule is tried."""
    cost: CostSection = CostSection()

    @property
    def step(self) -> float:
        """Seconds between samples, never below one."""
        return max(1.0, self.step_seconds / self.time_scale)

    @property
    def baseline(self) -> float:
        """Seconds of health to compare with, never below ten samples."""
        return max(10.0 * self.step, self.baseline_seconds / self.time_scale)

    @property
    def history(self) -> float:
        """Seconds that a proposed rule is tried on."""
        return self.history_seconds / self.time_scale

    @property
    def incident(self) -> float:
        """Seconds before the alert in which the cause must have begun."""
        return max(5.0 * self.step, self.incident_seconds / self.time_scale)


class WatchSection(Section):
    """Where `busysignal watch` listens, what it keeps, and whom it tells."""

    host: str = "127.0.0.1"
    port: int = Field(default=9450, ge=0, le=65_535)
    database: Path = Path("busysignal-watch.sqlite")
    verdicts: Path = Path("verdicts")
    pager_url: str | None = None
    pager_token_file: Path | None = None
    grafana_url: str | None = None
    grafana_token_file: Path | None = None
    bearer_token_file: Path | None = None
    deadline_seconds: float = Field(default=15.0, gt=0.0, le=600.0)
    backlog_limit: int = Field(default=1000, ge=1)
    body_limit_bytes: int = Field(default=4_000_000, ge=1000)
    refresh_seconds: float = Field(default=60.0, ge=1.0, le=86_400.0)
    expire_seconds: float = Field(default=43_200.0, ge=60.0)
    """An incident of which Alertmanager has not spoken for this long is over: three repeats."""
    retention_seconds: float = Field(default=7_776_000.0, ge=3600.0)
    retention_bytes: int = Field(default=10_000_000_000, ge=1_000_000)
    updates_limit: int = Field(default=5, ge=1, le=100)
    """How often people are told of one incident, its end not counted."""
