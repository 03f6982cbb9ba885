"""Routes: by team and service first, then by severity; one incident of a service is one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.teams import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alerts.config import RulesSection
    from alerts.teams import Level, Mute, Team

Route = dict[str, Any]


def routes(section: RulesSection) -> Route:
    """The tree: the heartbeat, the analysis, the teams, and whoever is left."""
    scale = section.scale
    teams = section.notify.teams
    # The team that takes the rest comes last.
    ordered = sorted(teams, key=lambda name: not teams[name].services)
    return {
        "receiver": "quiet",
        # One incident of a service is one page, whatever number of alerts tells of it.
        "group_by": ["service"],
        "group_wait": scale.wait("30s"),
        "group_interval": scale.wait("5m"),
        "repeat_interval": scale.wait("4h"),
        "routes": [
            {
                "matchers": ['alertname = "Watchdog"'],
                "receiver": "deadman",
                "group_by": ["alertname"],
                "group_wait": "0s",
                "group_interval": scale.wait("1m"),
                "repeat_interval": scale.wait("5m"),
            },
            {"matchers": ['severity = "page"'], "receiver": "watch", "continue": True},
            *(_labelled(name, teams[name]) for name in teams),
            *(_serving(name, teams[name]) for name in ordered),
            {"matchers": ['severity = "page"'], "receiver": "pager"},
        ],
    }


def receiver_name(team: str, level: Level) -> str:
    """The Alertmanager receiver that tells a team of a level."""
    return f"{team}-{level}"


def _labelled(name: str, team: Team) -> Route:
    """Alerts that say themselves whose they are."""
    return {"matchers": [f'team = "{name}"'], **_told(name, team)}


def _serving(name: str, team: Team) -> Route:
    if not team.services:
        return _told(name, team)
    return {"matchers": [f'service =~ "{"|".join(team.services)}"'], **_told(name, team)}


def _told(name: str, team: Team) -> Route:
    return {"receiver": "quiet", "routes": list(_levels(name, team))}


def _levels(name: str, team: Team) -> Iterator[Route]:
    for level in LEVELS:
        if getattr(team, level):
            route: Route = {
                "matchers": [f'severity = "{level}"'],
                "receiver": receiver_name(name, level),
            }
            if team.mute and level != "page":
                route["mute_time_intervals"] = list(team.mute)
            yield route


def mute_windows(mutes: Mapping[str, Mute]) -> list[dict[str, Any]]:
    """The windows under their names, as Alertmanager writes them."""
    return [{"name": name, "time_intervals": [_window(mute)]} for name, mute in mutes.items()]


def _window(mute: Mute) -> dict[str, Any]:
    window: dict[str, Any] = {"times": [{"start_time": mute.start, "end_time": mute.end}]}
    if mute.days:
        window["weekdays"] = list(mute.days)
    return {**window, "location": mute.location}
