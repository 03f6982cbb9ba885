"""What one message says, whoever is told: made from an alert group, or from a verdict's page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from alerts.messages import Language
from alerts.messages.words import words
from exporters.posted import Posted, parse

LISTED = 3
"""Alerts told in full before the details; a phone shows no more."""
DETAILED = 20
Status = Literal["firing", "resolved"]
Text = dict[str, str]


class GroupedAlert(Posted):
    """One alert of a group."""

    status: Status
    labels: Text
    annotations: Text = Field(default_factory=dict)
    starts_at: str = Field(alias="startsAt", default="")


class Group(Posted):
    """What Alertmanager's webhook of version 4 posts."""

    version: Literal["4"]
    group_key: str = Field(alias="groupKey", min_length=1, max_length=10_000)
    status: Status
    group_labels: Text = Field(default_factory=dict, alias="groupLabels")
    common_labels: Text = Field(default_factory=dict, alias="commonLabels")
    alerts: list[GroupedAlert] = Field(min_length=1, max_length=10_000)

    def told(self) -> list[GroupedAlert]:
        """Those that fire; of a resolved group, those that ended."""
        return [alert for alert in self.alerts if alert.status == self.status] or self.alerts


class Said(Posted):
    """A page's words in one language."""

    title: str = Field(min_length=1, max_length=1000)
    text: str = Field(max_length=100_000)


class Page(Posted):
    """What `busysignal watch` posts: a verdict's page, in every language it was written in."""

    status: Status
    incident: str = Field(min_length=1, max_length=300)
    service: str = ""
    pages: dict[str, Said] = Field(min_length=1)
    links: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """One message: `text` is what a phone shows, `details` what stands below, as plain lines.

    `key` names the incident; messages of one incident replace each other where they still wait.
    """

    key: str
    status: Status
    level: str
    title: str
    text: str
    details: str = ""
    links: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """Equal for messages that say the same."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The note as it lies on the disk."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Note:
        """Read what `to_json` wrote."""
        document: dict[str, Any] = json.loads(text)
        links = tuple((name, url) for name, url in document.pop("links"))
        return cls(**document, links=links)


def of_group(body: bytes, language: Language) -> Note:
    """An alert group as a message; raises MalformedError when the body is none."""
    group = parse(Group, body, "an Alertmanager webhook of version 4")
    said, told = words("pages", language), group.told()
    service = group.group_labels.get("service") or group.common_labels.get("service", "")
    where = f" {service}:" if service else ""
    more = said["more"].format(count=len(told) - 1) if len(told) > 1 else ""
    lines = [_annotation(alert, "description", language) for alert in told]
    first = told[0]
    return Note(
        key=hashlib.sha256(group.group_key.encode()).hexdigest()[:16],
        status=group.status,
        level=first.labels.get("severity", "warning"),
        title=f"[{said[group.status]}]{where} {_annotation(first, 'summary', language)}{more}",
        text="\n".join(lines[:LISTED]),
        details="\n".join(lines[LISTED:DETAILED]),
        links=_links(first, language),
    )


def of_page(body: bytes, language: Language) -> tuple[Note, str]:
    """A verdict's page as a message, and its service; raises MalformedError."""
    page = parse(Page, body, "a page of busysignal watch")
    said = page.pages.get(language) or next(iter(page.pages.values()))
    head, _, details = said.text.partition("\n\n")
    fixed = words("pages", language)
    note = Note(
        key=page.incident,
        status=page.status,
        level="page",
        title=f"[{fixed[page.status]}] {said.title}",
        # The title stands above: a message does not say it twice.
        text=head.removeprefix(said.title).lstrip("\n"),
        details=details.rstrip("\n"),
        links=tuple(page.links.items()),
    )
    return note, page.service


def _annotation(alert: GroupedAlert, name: str, language: Language) -> str:
    plain = alert.annotations.get(name, "") or alert.labels.get("alertname", "")
    return alert.annotations.get(f"{name}_{language}") or plain


def _links(alert: GroupedAlert, language: Language) -> tuple[tuple[str, str], ...]:
    said = words("pages", language)
    named = {
        said["dashboard_link"]: alert.annotations.get("dashboard_url", ""),
        said["runbook_link"]: alert.annotations.get(f"runbook_url_{language}")
        or alert.annotations.get("runbook_url", ""),
    }
    return tuple((name, url) for name, url in named.items() if url.startswith("http"))
