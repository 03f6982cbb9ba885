"""The config section [forecast]: what is forecast, how far, against which capacity."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from exporters.settings import Section

Load = Literal["requests", "tokens"]
Positive = Annotated[float, Field(gt=0)]


class Capacity(Section):
    """What a service can bear, in requests and in tokens a second; None where it is not known."""

    requests: Positive | None = None
    tokens: Positive | None = None


class ForecastSection(Section):
    """Lengths in seconds unless their name says otherwise."""

    backend: Literal["fast", "prophet"] = "fast"
    ahead_hours: float = Field(default=24.0, ge=0.1, le=168.0)
    history_days: float = Field(default=28.0, gt=0.0, le=42.0)
    step_seconds: float = Field(default=300.0, ge=1.0, le=3600.0)
    level: float = Field(default=0.9, gt=0.0, lt=1.0)
    holidays: tuple[date, ...] = ()
    capacity: Capacity = Capacity()
    tell_hours: tuple[Positive, ...] = (0.25, 1.0, 4.0, 24.0)
    series_limit: int = Field(default=50, ge=1, le=1000)
    host: str = "127.0.0.1"
    port: int = Field(default=9451, ge=0, le=65_535)
    every_seconds: float = Field(default=300.0, ge=1.0, le=86_400.0)

    @field_validator("tell_hours")
    @classmethod
    def _not_empty(cls, hours: tuple[float, ...]) -> tuple[float, ...]:
        if not hours:
            raise ValueError("give at least one number of hours, such as 1")
        return tuple(sorted(set(hours)))

    @property
    def ahead(self) -> int:
        """Steps to forecast."""
        return max(1, round(self.ahead_hours * 3600 / self.step_seconds))
