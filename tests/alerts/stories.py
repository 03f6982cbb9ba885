"""All stories of the alerts, gathered from their tests, to be told to promtool at once."""

from __future__ import annotations

import importlib
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from alerts.config import RulesSection
from tests.alerts.conftest import SECTIONS, Teller

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_story_*.py"))


@dataclass(frozen=True)
class Check:
    """What one alert does at one moment of a story."""

    seconds: int
    alert: str
    fires: tuple[Any, ...]


@dataclass(frozen=True)
class Story:
    """What went in, and promtool's form of what must come out."""

    name: str
    section: str
    test: dict[str, Any]
    checks: tuple[Check, ...] = ()


@dataclass
class Listener(Teller):
    """Takes a story down instead of telling it."""

    heard: list[Story] = field(default_factory=list)
    name: str = ""
    kind: str = ""

    def _run(self, test: dict[str, Any], interval: str) -> None:
        checks = tuple(
            Check(seconds(check["eval_time"]), check["alertname"], tuple(check["exp_alerts"]))
            for check in test.get("alert_rule_test", ())
        )
        self.heard.append(Story(self.name, self.kind, test, checks))


def seconds(moment: str) -> int:
    """Of `90m` or `1h30m`."""
    sizes = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(n) * sizes[unit] for n, unit in re.findall(r"(\d+)([dhms])", moment))


@cache
def all_stories() -> tuple[Story, ...]:
    """Every story of every module."""
    return tuple(story for module in MODULES for story in _of_module(module))


def _of_module(name: str) -> Iterator[Story]:
    module = importlib.import_module(f"tests.alerts.{name}")
    for test_name, function in inspect.getmembers(module, inspect.isfunction):
        told = [p for p in inspect.signature(function).parameters if p in SECTIONS]
        tells_alone = not {"promtool", "tmp_path"} & set(inspect.signature(function).parameters)
        if test_name.startswith("test_") and told and tells_alone:
            for values in _parameters(function):
                heard = Listener(Path(), Path(), SECTIONS[told[0]], name=test_name, kind=told[0])
                function(**{told[0]: heard}, **values)
                yield from heard.heard


def _parameters(function: Any) -> Iterator[dict[str, Any]]:
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    for chosen in itertools.product(*(_cases(mark) for mark in marks)):
        yield {name: value for case in chosen for name, value in case.items()}


def _cases(mark: Any) -> list[dict[str, Any]]:
    names, cases = mark.args[:2]
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]
    if len(names) == 1:
        return [{names[0]: getattr(case, "values", [case])[0]} for case in cases]
    return [dict(zip(names, getattr(case, "values", case), strict=True)) for case in cases]


def sections() -> dict[str, RulesSection]:
    """The config behind each kind of story."""
    return SECTIONS
