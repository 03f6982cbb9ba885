"""Alertmanager's config: who is told, what is one incident, and what a page silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts import yamltext
from alerts.alertmanager_config.inhibitions import inhibitions
from alerts.alertmanager_config.integrations import receivers
from alerts.alertmanager_config.routes import mute_windows, routes
from alerts.alertmanager_config.templates import FILE, templates

if TYPE_CHECKING:
    from alerts.config import RulesSection

__all__ = ["FILE", "render", "templates"]


def render(section: RulesSection) -> str:
    """The config as text, valid from the version on that [rules.notify] names."""
    notify = section.notify
    document: dict[str, Any] = {"global": {"resolve_timeout": section.scale.wait("5m")}}
    if notify.receivers:
        document["templates"] = [FILE]
    document["route"] = routes(section)
    if notify.mutes:
        document["time_intervals"] = mute_windows(notify.mutes)
    document["inhibit_rules"] = inhibitions()
    document["receivers"] = receivers(section)
    return yamltext.write(document, made_by="busysignal rules")
