"""From the config's receivers to services that hold their secrets in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import teams
from alerts.bridge import services
from exporters.settings import read_secret

if TYPE_CHECKING:
    from alerts.bridge.services import Service
    from alerts.teams import NotifySection, Receiver


def wired(notify: NotifySection) -> dict[str, Service]:
    """Every receiver's service by its name; raises UsageError for one without its secret."""
    return {name: _service(name, receiver) for name, receiver in notify.receivers.items()}


def _service(name: str, receiver: Receiver) -> Service:
    def secret(key: str) -> str:
        return read_secret(getattr(receiver, key), f"[rules.notify.receivers.{name}] {key}")

    match receiver:
        case teams.DingTalk():
            return services.DingTalk(secret("url_file"), secret("secret_file"))
        case teams.Feishu():
            return services.Feishu(secret("url_file"), secret("secret_file"))
        case teams.WeComRobot():
            return services.WeComRobot(secret("url_file"))
        case teams.WeCom():
            return services.WeComApp(
                receiver.api_url, receiver.corp_id, receiver.agent_id, receiver.to_user,
                secret("api_secret_file"),
            )  # fmt: skip
        case teams.Teams():
            return services.Teams(secret("url_file"))
        case teams.Telegram():
            return services.Telegram(receiver.api_url, secret("bot_token_file"), receiver.chat_id)
        case teams.Slack():
            return services.Slack(secret("url_file"), receiver.channel)
        case teams.PagerDuty():
            return services.PagerDuty(receiver.url, secret("routing_key_file"))
        case teams.Opsgenie():
            return services.Opsgenie(receiver.api_url, secret("api_key_file"))
        case teams.Webhook():
            headers = {}
            if receiver.token_file:
                headers["Authorization"] = f"Bearer {secret('token_file')}"
            return services.Webhook(receiver.url or secret("url_file"), headers)
