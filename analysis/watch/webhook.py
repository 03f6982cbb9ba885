"""Read what Alertmanager posts (webhook version 4), and changes that people post."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from analysis.evidence import SECOND, Alert, Change
from exporters.posted import Posted

MEMBERS = 500
"""So many alerts of a group are remembered, to tell whether it is still the same incident."""


class PostedAlert(Posted):
    """One alert of a group."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")
    fingerprint: str = ""

    @property
    def identity(self) -> str:
        """Which alert this is, and since when: the same for as long as it goes on."""
        which = self.fingerprint or json.dumps(self.labels, sort_keys=True)
        return hashlib.sha256(f"{which} {self.starts_at.isoformat()}".encode()).hexdigest()[:12]


class PostedGroup(Posted):
    """One alert group, the unit of notification."""

    version: Literal["4"]
    group_key: str = Field(alias="groupKey", min_length=1, max_length=10_000)
    status: Literal["firing", "resolved"]
    common_labels: dict[str, str] = Field(default_factory=dict, alias="commonLabels")
    common_annotations: dict[str, str] = Field(default_factory=dict, alias="commonAnnotations")
    alerts: list[PostedAlert] = Field(min_length=1, max_length=10_000)

    @property
    def firing(self) -> list[PostedAlert]:
        return [alert for alert in self.alerts if alert.status == "firing"]

    def members(self) -> frozenset[str]:
        """The group's alerts, those just resolved among them; of very many, some."""
        return frozenset(sorted({alert.identity for alert in self.alerts})[:MEMBERS])

    def alert(self) -> Alert:
        """The group as one alert: its earliest start, the labels all members share."""
        members = sorted(self.firing or self.alerts, key=lambda one: one.starts_at)
        first = members[0]
        labels = {**self.common_labels}
        services = {one.labels.get("service", "") for one in members} - {""}
        if "service" not in labels and services:
            labels["service"] = min(services)
        return Alert(
            name=labels.get("alertname") or first.labels.get("alertname", ""),
            starts_ns=nanoseconds(first.starts_at),
            labels=labels,
            summary=self.common_annotations.get("summary") or first.annotations.get("summary", ""),
            group_key=self.group_key,
        )


class PostedChange(Posted):
    """A deploy, restart, config, scale or region change, told by whoever made it."""

    model_config = ConfigDict(extra="forbid")

    ts_ns: int | None = Field(default=None, ge=0)
    kind: Literal["deploy", "restart", "config", "scale", "region"]
    entity: str = Field(min_length=1, max_length=300)
    before: str = Field(default="", max_length=1000)
    after: str = Field(default="", max_length=1000)
    source: str = Field(default="posted", max_length=300)

    def change(self) -> Change:
        """The change, dated now when it carries no time of its own."""
        at = time.time_ns() if self.ts_ns is None else self.ts_ns
        return Change(at, self.kind, self.entity, self.before, self.after, self.source)


class PostedThreshold(Posted):
    """Where an alert is to begin for an entity; without a value its default holds again."""

    model_config = ConfigDict(extra="forbid")

    alert: str = Field(min_length=1, max_length=200)
    entity: str = Field(default="", max_length=300)
    value: float | None = Field(default=None, allow_inf_nan=False)


def nanoseconds(moment: datetime) -> int:
    """Whole microseconds of a datetime as int64 nanoseconds."""
    return round(moment.timestamp() * 1_000_000) * (SECOND // 1_000_000)


def incident_key(alert: Alert) -> str:
    """What makes two notifications one incident: the group and its start."""
    text = f"{alert.group_key}\n{alert.starts_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
