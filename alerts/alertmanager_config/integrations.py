"""Receivers as Alertmanager configures them; what a version cannot do goes through the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.alertmanager_config.routes import receiver_name
from alerts.teams import (
    LEVELS,
    Opsgenie,
    PagerDuty,
    Slack,
    Teams,
    Telegram,
    Webhook,
    WeCom,
)

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.config import RulesSection
    from alerts.teams import Level, NotifySection, Receiver, Team

Config = dict[str, Any]

SINCE = {
    PagerDuty: 25, Opsgenie: 25, Slack: 25, Webhook: 28, Telegram: 28, Teams: 28, WeCom: 33,
}  # fmt: skip
"""The oldest of 0.25, 0.28 and 0.33 that reads the receiver's secret from a file, as their amtool
says; whoever is not here, it cannot tell at all."""
PRIORITY = {"page": "P1", "warning": "P3", "ticket": "P4"}
SEVERITY = {"page": "critical", "warning": "warning", "ticket": "info"}


def receivers(section: RulesSection) -> list[Config]:
    """Our own four, then one for each team and level."""
    own = section.receivers
    notify = section.notify
    return [
        _webhook("quiet", own.quiet_url),
        _webhook("watch", own.watch_url, own.watch_token_file),
        _webhook("pager", own.pager_url, own.pager_token_file),
        _webhook("deadman", own.deadman_url),
        *(
            _team(notify, receiver_name(name, level), team, level)
            for name, team in notify.teams.items()
            for level in LEVELS
            if getattr(team, level)
        ),
    ]


def is_native(receiver: Receiver, minor: int) -> bool:
    """Whether Alertmanager 0.`minor` tells this receiver itself, its secrets in files."""
    if isinstance(receiver, Webhook) and receiver.url_file is None:
        return True
    return minor >= SINCE.get(type(receiver), minor + 1)


def _webhook(name: str, url: str | None, token: Path | None = None) -> Config:
    if url is None:
        return {"name": name}
    return {"name": name, "webhook_configs": [{**_posted(url, token), "send_resolved": True}]}


def _posted(url: str, token: Path | None) -> Config:
    return {"url": url, **_bearer(token)}


def _bearer(token: Path | None) -> Config:
    if token is None:
        return {}
    return {"http_config": {"authorization": {"credentials_file": str(token)}}}


def _team(notify: NotifySection, name: str, team: Team, level: Level) -> Config:
    config: Config = {"name": name}
    for told in getattr(team, level):
        receiver = notify.receivers[told]
        if is_native(receiver, notify.minor):
            key, one = _native(receiver, level)
        else:
            url = f"{notify.bridge_url.rstrip('/')}/alerts/{told}"
            key, one = "webhook_configs", _posted(url, notify.bridge_token_file)
        config.setdefault(key, []).append({**one, "send_resolved": receiver.send_resolved})
    return config


def _native(receiver: Receiver, level: Level) -> tuple[str, Config]:
    title = f'{{{{ template "busysignal.{receiver.language}.title" . }}}}'
    text = f'{{{{ template "busysignal.{receiver.language}.text" . }}}}'
    match receiver:
        case PagerDuty():
            return "pagerduty_configs", {
                "routing_key_file": str(receiver.routing_key_file),
                "url": receiver.url,
                "severity": SEVERITY[level],
                "description": title,
                "details": {"text": text},
            }
        case Opsgenie():
            return "opsgenie_configs", {
                "api_key_file": str(receiver.api_key_file),
                "api_url": receiver.api_url,
                "priority": PRIORITY[level],
                "message": title,
                "description": text,
            }
        case Slack():
            channel = {"channel": receiver.channel} if receiver.channel else {}
            url = {"api_url_file": str(receiver.url_file)}
            return "slack_configs", {**url, **channel, "title": title, "text": text}
        case Teams():
            url = {"webhook_url_file": str(receiver.url_file)}
            return "msteamsv2_configs", {**url, "title": title, "text": text}
        case Telegram():
            return "telegram_configs", {
                "bot_token_file": str(receiver.bot_token_file),
                "chat_id": receiver.chat_id,
                "api_url": receiver.api_url,
                "parse_mode": "",
                "message": f"{title}\n{text}",
            }
        case WeCom():
            return "wechat_configs", {
                "api_secret_file": str(receiver.api_secret_file),
                "api_url": receiver.api_url,
                "corp_id": receiver.corp_id,
                "agent_id": receiver.agent_id,
                "to_user": receiver.to_user,
                "message": f"{title}\n{text}",
            }
        case Webhook():
            address = (
                {"url": receiver.url} if receiver.url else {"url_file": str(receiver.url_file)}
            )
            return "webhook_configs", {**address, **_bearer(receiver.token_file)}
    raise AssertionError(f"{receiver.kind} is told through the bridge")
