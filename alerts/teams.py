"""The [rules.notify] section: the receivers that exist, which team is told by which, and when not.

Secrets stand in files alone; a receiver's address is a secret where it carries a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from alerts.messages import Language
from exporters.errors import UsageError
from exporters.settings import Section

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Version = Annotated[str, Field(pattern=r"^0\.[0-9]+$")]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Level = Literal["page", "warning", "ticket"]
LEVELS: tuple[Level, ...] = ("page", "warning", "ticket")


class Told(Section):
    """What every receiver has: the language it is told in, and whether of the end, too."""

    language: Language = "en"
    send_resolved: bool = True


class PagerDuty(Told):
    """PagerDuty, Events API v2."""

    kind: Literal["pagerduty"]
    routing_key_file: Path
    url: str = "https://events.pagerduty.com/v2/enqueue"


class Opsgenie(Told):
    """Opsgenie's alert API."""

    kind: Literal["opsgenie"]
    api_key_file: Path
    api_url: str = "https://api.opsgenie.com/"


class Slack(Told):
    """A Slack incoming webhook; its address is the secret."""

    kind: Literal["slack"]
    url_file: Path
    channel: str | None = None


class Teams(Told):
    """A Microsoft Teams workflow; its address is the secret."""

    kind: Literal["teams"]
    url_file: Path


class Telegram(Told):
    """A Telegram bot in a chat."""

    kind: Literal["telegram"]
    bot_token_file: Path
    chat_id: int
    api_url: str = "https://api.telegram.org"


class Webhook(Told):
    """Whatever takes Alertmanager's webhook; its address may be a secret."""

    kind: Literal["webhook"]
    url: str | None = None
    url_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _has_one_address(self) -> Webhook:
        if (self.url is None) == (self.url_file is None):
            raise UsageError("[rules.notify] a webhook has either url or url_file; give one")
        return self


class WeCom(Told):
    """An application of WeCom, by its API."""

    kind: Literal["wecom"]
    api_secret_file: Path
    corp_id: str
    agent_id: str
    to_user: str = "@all"
    api_url: str = "https://qyapi.weixin.qq.com/cgi-bin/"


class WeComRobot(Told):
    """A robot in a WeCom group; its address is the secret."""

    kind: Literal["wecom_robot"]
    url_file: Path


class DingTalk(Told):
    """A robot in a DingTalk group that checks signatures."""

    kind: Literal["dingtalk"]
    url_file: Path
    secret_file: Path


class Feishu(Told):
    """A robot in a Feishu (Lark) group that checks signatures."""

    kind: Literal["feishu"]
    url_file: Path
    secret_file: Path


Receiver = Annotated[
    PagerDuty | Opsgenie | Slack | Teams | Telegram | Webhook | WeCom | WeComRobot | DingTalk
    | Feishu,
    Field(discriminator="kind"),
]  # fmt: skip


class Team(Section):
    """Who is told of what: names of receivers for each level.

    A team is meant by the label `team` of an alert that bears its name, or by its services. The
    one without services takes what no other does.
    """

    services: tuple[Name, ...] = ()
    page: tuple[Name, ...] = ()
    warning: tuple[Name, ...] = ()
    ticket: tuple[Name, ...] = ()
    mute: tuple[Name, ...] = ()


class Mute(Section):
    """A window in which warnings and tickets keep silent; pages always pass.

    Without days it is every day; over midnight, write two windows.
    """

    start: Clock
    end: Clock
    days: tuple[Day, ...] = ()
    location: str = "UTC"

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Mute:
        if self.end <= self.start:
            raise UsageError(
                f"[rules.notify] a mute window from {self.start} to {self.end} ends before it "
                "starts; over midnight, write two windows, one of them to 24:00"
            )
        return self


class NotifySection(Section):
    """Receivers, teams and mute windows; `alertmanager` is the oldest version to be served."""

    alertmanager: Version = "0.25"
    receivers: dict[Name, Receiver] = Field(default_factory=dict)
    teams: dict[Name, Team] = Field(default_factory=dict)
    mutes: dict[Name, Mute] = Field(default_factory=dict)
    bridge_url: str = "http://127.0.0.1:9452"
    bridge_token_file: Path | None = None

    @property
    def minor(self) -> int:
        """25 of 0.25."""
        return int(self.alertmanager.partition(".")[2])

    def paged(self, service: str) -> tuple[str, ...]:
        """The receivers that are told of pages of a service; of its team, or of all the rest's."""
        for team in self.teams.values():
            if service in team.services:
                return team.page
        rest = [team for team in self.teams.values() if not team.services]
        return rest[0].page if rest else ()

    @field_validator("alertmanager")
    @classmethod
    def _is_served(cls, version: str) -> str:
        if int(version.partition(".")[2]) < 25:
            raise ValueError("the oldest version served is 0.25")
        return version

    @model_validator(mode="after")
    def _names_exist(self) -> NotifySection:
        for name, team in self.teams.items():
            for level in LEVELS:
                _known(f"teams.{name}.{level}", getattr(team, level), self.receivers)
            _known(f"teams.{name}.mute", team.mute, self.mutes)
        return self

    @model_validator(mode="after")
    def _one_team_for_each_service(self) -> NotifySection:
        owner: dict[str, str] = {}
        for name, team in self.teams.items():
            for service in team.services or ("",):
                if service in owner:
                    what = f"service {service}" if service else "everything without a team"
                    raise UsageError(
                        f"[rules.notify] {what} belongs to the teams {owner[service]} and {name}; "
                        "keep one"
                    )
                owner[service] = name
        return self


def _known(where: str, names: tuple[str, ...], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            allowed = ", ".join(known) or "none is defined"
            raise UsageError(
                f"[rules.notify] {where} names {name!r}, which is not defined; defined: {allowed}"
            )
