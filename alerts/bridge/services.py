"""How each chat or pager takes a message, and how it says that it did not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote_plus

import httpx

from alerts.bridge import signing
from alerts.bridge.shape import cut, cut_bytes, markdown, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.bridge.note import Note

TOO_FAST_SECONDS = 60.0
"""Robots count by the minute: 20 messages in DingTalk and WeCom."""
TELEGRAM_CHARACTERS = 4096
WECOM_BYTES = 4096
WECOM_TEXT_BYTES = 2048
ROBOT_BYTES = 18_000
SLACK_CHARACTERS = 3000
PAGERDUTY_CHARACTERS = 1024
OPSGENIE_CHARACTERS = 130
SEVERITY = {"page": "critical", "warning": "warning"}
PRIORITY = {"page": "P1", "warning": "P3"}


class NotTakenError(Exception):
    """The message did not arrive; the text says why and holds no secret."""

    def __init__(self, why: str, wait_seconds: float = 0.0) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds


class Service(Protocol):
    """One receiver; `send` raises NotTakenError unless the message arrived."""

    def send(self, client: httpx.Client, note: Note) -> None: ...


@dataclass(frozen=True)
class DingTalk:
    """A group's robot, https://open.dingtalk.com/document/robots/custom-robot-access."""

    url: str
    secret: str

    def send(self, client: httpx.Client, note: Note) -> None:
        """Post a signed Markdown message."""
        now = round(time.time() * 1000)
        sign = quote_plus(signing.dingtalk(self.secret, now))
        text = cut_bytes(markdown(note, heading="### "), ROBOT_BYTES)
        body = {"msgtype": "markdown", "markdown": {"title": cut(note.title, 64), "text": text}}
        answer = _post(client, f"{self.url}&timestamp={now}&sign={sign}", body)
        _expect_zero(answer, "errcode", "errmsg", too_fast=(130101,))


@dataclass(frozen=True)
class Feishu:
    """A group's robot, https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot."""

    url: str
    secret: str

    def send(self, client: httpx.Client, note: Note) -> None:
        """Post a signed card, red while it fires."""
        now = round(time.time())
        text = cut_bytes(markdown(note, heading=None), ROBOT_BYTES)
        colour = "green" if note.status == "resolved" else "red"
        card = {
            "header": {"title": {"tag": "plain_text", "content": note.title}, "template": colour},
            "elements": [{"tag": "markdown", "content": text}],
        }
        sign = signing.feishu(self.secret, now)
        body = {"timestamp": str(now), "sign": sign, "msg_type": "interactive", "card": card}
        _expect_zero(_post(client, self.url, body), "code", "msg", too_fast=(11232, 9499))


@dataclass(frozen=True)
class WeComRobot:
    """A group's robot, https://developer.work.weixin.qq.com/document/path/91770."""

    url: str

    def send(self, client: httpx.Client, note: Note) -> None:
        """Post a Markdown message; its address is all the secret there is."""
        text = cut_bytes(markdown(note, heading="### "), WECOM_BYTES)
        answer = _post(client, self.url, {"msgtype": "markdown", "markdown": {"content": text}})
        _expect_zero(answer, "errcode", "errmsg", too_fast=(45009,))


@dataclass
class WeComApp:
    """An application, https://developer.work.weixin.qq.com/document/path/90236."""

    api_url: str
    corp_id: str
    agent_id: str
    to_user: str
    secret: str
    _token: str = ""
    _until: float = 0.0

    def send(self, client: httpx.Client, note: Note) -> None:
        """Send a text with a token that is fetched when the last one is over."""
        url = f"{self.api_url}message/send?access_token={self._fresh(client)}"
        text = cut_bytes(f"{note.title}\n{plain(note)}", WECOM_TEXT_BYTES)
        body = {"touser": self.to_user, "msgtype": "text", "agentid": self.agent_id,
                "text": {"content": text}}  # fmt: skip
        try:
            _expect_zero(_post(client, url, body), "errcode", "errmsg", too_fast=(45009,))
        except NotTakenError:
            self._until = 0.0  # it may be the token that was not taken
            raise

    def _fresh(self, client: httpx.Client) -> str:
        if time.monotonic() >= self._until:
            query = {"corpid": self.corp_id, "corpsecret": self.secret}
            answer = _ask(client, "GET", f"{self.api_url}gettoken", params=query)
            _expect_zero(answer, "errcode", "errmsg")
            self._token = str(answer["access_token"])
            self._until = time.monotonic() + float(answer["expires_in"]) / 2
        return self._token


@dataclass(frozen=True)
class Teams:
    """A workflow that takes Adaptive Cards."""

    url: str

    def send(self, client: httpx.Client, note: Note) -> None:
        """Post one card with its links as buttons."""
        blocks = [_block(note.title, weight="bolder"), _block(plain(note, links=False))]
        actions = [{"type": "Action.OpenUrl", "title": n, "url": u} for n, u in note.links]
        card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks, "actions": actions}
        content = "application/vnd.microsoft.card.adaptive"
        attachment = {"contentType": content, "content": card}
        _post(client, self.url, {"type": "message", "attachments": [attachment]})


@dataclass(frozen=True)
class Telegram:
    """A bot, https://core.telegram.org/bots/api#sendmessage."""

    api_url: str
    token: str
    chat_id: int

    def send(self, client: httpx.Client, note: Note) -> None:
        """Send plain text: no figure of ours can break a markup."""
        text = cut(f"{note.title}\n{plain(note)}", TELEGRAM_CHARACTERS)
        url = f"{self.api_url.rstrip('/')}/bot{self.token}/sendMessage"
        body = {"chat_id": self.chat_id, "text": text, "disable_web_page_preview": True}
        answer = _post(client, url, body)
        if answer.get("ok") is not True:
            raise NotTakenError(f"it answered {cut(str(answer.get('description')), 200)}")


@dataclass(frozen=True)
class Slack:
    """An incoming webhook, https://docs.slack.dev/messaging (Incoming webhooks)."""

    url: str
    channel: str | None = None

    def send(self, client: httpx.Client, note: Note) -> None:
        """Post the title in bold, the text below it."""
        text = cut(plain(note, escape=True), SLACK_CHARACTERS)
        body: dict[str, Any] = {
            "text": note.title,
            "blocks": [
                {"type": "header",
                 "text": {"type": "plain_text", "text": cut(note.title, 150)}},
                {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            ],
        }  # fmt: skip
        if self.channel:
            body["channel"] = self.channel
        _post(client, self.url, body)


@dataclass(frozen=True)
class PagerDuty:
    """Events API v2, https://developer.pagerduty.com/docs/send-alert-event."""

    url: str
    routing_key: str

    def send(self, client: httpx.Client, note: Note) -> None:
        """Trigger or resolve the incident that the note's key names."""
        body: dict[str, Any] = {
            "routing_key": self.routing_key,
            "event_action": "resolve" if note.status == "resolved" else "trigger",
            "dedup_key": note.key,
            "payload": {
                "summary": cut(note.title, PAGERDUTY_CHARACTERS),
                "source": "busysignal",
                "severity": SEVERITY.get(note.level, "info"),
                "custom_details": {"text": note.text, "details": note.details},
            },
            "links": [{"text": name, "href": url} for name, url in note.links],
        }
        _post(client, self.url, body)


@dataclass(frozen=True)
class Opsgenie:
    """The alert API, https://docs.opsgenie.com/docs/alert-api."""

    api_url: str
    api_key: str

    def send(self, client: httpx.Client, note: Note) -> None:
        """Create the alert that the note's key names, or close it."""
        headers = {"Authorization": f"GenieKey {self.api_key}"}
        alerts = f"{self.api_url.rstrip('/')}/v2/alerts"
        if note.status == "resolved":
            close = f"{alerts}/{note.key}/close?identifierType=alias"
            _post(client, close, {"note": note.title}, headers)
            return
        body = {
            "message": cut(note.title, OPSGENIE_CHARACTERS),
            "alias": note.key,
            "description": plain(note),
            "priority": PRIORITY.get(note.level, "P4"),
        }
        _post(client, alerts, body, headers)


@dataclass(frozen=True)
class Webhook:
    """Whatever takes a message as JSON."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, client: httpx.Client, note: Note) -> None:
        """Post the note itself."""
        body = {
            "key": note.key, "status": note.status, "level": note.level, "title": note.title,
            "text": note.text, "details": note.details, "links": dict(note.links),
        }  # fmt: skip
        _post(client, self.url, body, self.headers)


def _block(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **style}


def _post(
    client: httpx.Client, url: str, body: object, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return _ask(client, "POST", url, json=body, headers=headers)


def _ask(client: httpx.Client, method: str, url: str, **rest: Any) -> dict[str, Any]:
    """The answer's JSON object; empty where it is none."""
    try:
        answer = client.request(method, url, **rest)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # The exception's own text carries the address, and that is a secret.
        raise NotTakenError(f"no answer ({type(error).__name__})") from None
    if not answer.is_success:
        why = f"it answered {answer.status_code}"
        raise NotTakenError(why, _wait(answer)) from None
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _wait(answer: httpx.Response) -> float:
    told = answer.headers.get("Retry-After", "")
    if told.isdecimal():
        return min(float(told), 10 * TOO_FAST_SECONDS)
    return TOO_FAST_SECONDS if answer.status_code == httpx.codes.TOO_MANY_REQUESTS else 0.0


def _expect_zero(
    answer: Mapping[str, Any], code: str, text: str, too_fast: tuple[int, ...] = ()
) -> None:
    """These services answer 200 to everything, and say in the body what they think of it."""
    if answer.get(code) == 0:
        return
    why = f"it answered {code} {answer.get(code)}: {cut(str(answer.get(text)), 200)}"
    raise NotTakenError(why, TOO_FAST_SECONDS if answer.get(code) in too_fast else 0.0)
