"""The [rules] section: thresholds, service levels, receivers and how fast time runs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from alerts.defaults import Thresholds
from alerts.durations import Scale
from alerts.messages import Languages
from alerts.objectives import Objectives, Service
from alerts.teams import NotifySection
from exporters.errors import UsageError
from exporters.settings import HttpUrl, Section

__all__ = [
    "AlertmanagerSection", "Objectives", "Override", "Receivers", "RulesSection", "Thresholds",
]  # fmt: skip


class Override(Section):
    """Another level of one alert, for one entity: `chat`, `chat/llama`, `n1:9400/0`."""

    alert: str
    entity: str = ""
    value: float


class Receivers(Section):
    """Where Alertmanager sends what; without an address a receiver takes alerts silently."""

    pager_url: str = "http://127.0.0.1:9600/page"
    watch_url: str = "http://127.0.0.1:9450/alerts"
    quiet_url: str | None = None
    deadman_url: str | None = None
    pager_token_file: Path | None = None
    watch_token_file: Path | None = None

    @field_validator("pager_url", "watch_url", "quiet_url", "deadman_url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return url


class AlertmanagerSection(Section):
    """The config section [alertmanager]: where it answers."""

    url: HttpUrl = "http://127.0.0.1:9093"


class RulesSection(Section):
    """Everything the rendered rules depend on.

    With `services` all those there are, a name that is none of them is refused wherever it stands.
    """

    services: tuple[Service, ...] = ()
    language: Languages = "en"
    time_scale: Annotated[float, Field(ge=1, le=3600)] = 1.0
    scrape_interval_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    thresholds: Thresholds = Thresholds()
    overrides: tuple[Override, ...] = ()
    interactive_priority: Literal["vip", "normal", "batch"] = "vip"
    objectives: Objectives = Objectives()
    receivers: Receivers = Receivers()
    notify: NotifySection = NotifySection()
    runbook_base_url: str = "docs/runbooks"
    dashboard_base_url: str = "http://127.0.0.1:3000"

    @property
    def scale(self) -> Scale:
        """The scale that every duration of the rules goes through."""
        return Scale(Fraction(str(self.time_scale)), Fraction(str(self.scrape_interval_seconds)))

    @model_validator(mode="after")
    def _names_services_there_are(self) -> RulesSection:
        for name in self.objectives.services:
            self.check_service(f"objectives.services.{name}", name)
        for team, its in self.notify.teams.items():
            for name in its.services:
                self.check_service(f"notify.teams.{team}.services", name)
        return self

    def check_service(self, where: str, name: str) -> None:
        """Refuse a service that is none of `services`, where those are told."""
        if self.services and name not in self.services:
            raise UsageError(
                f"[rules] {where} is about the service {name!r}, which [rules] services does not "
                f"name; it names {', '.join(self.services)}"
            )
