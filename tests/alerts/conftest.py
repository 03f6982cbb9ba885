"""Stories: series go in, and the real promtool says which alerts fire when, word for word."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.config import RulesSection
from alerts.render import texts


@dataclass(frozen=True)
class Fires:
    """One alert that must fire, with exactly these labels and annotations (None: any)."""

    labels: dict[str, str]
    annotations: dict[str, str] | None = None


NAME = re.compile(r"[a-zA-Z_:][\w:]*")

Rows = dict[str, tuple[dict[str, str], Fires]]
"""By alert: what goes in, and what fires while it is wrong."""


def together(rows: Rows, *, silent: tuple[str, ...], firing: str) -> tuple[Any, ...]:
    """All rows as one story, which costs promtool no more than one of them would."""
    series: dict[str, str] = {}
    for name, (its, _) in rows.items():
        clash = {one for one in its if one in series and its[one] != series[one]}
        assert not clash, f"{name} tells {clash} another way than a row before it"
        series |= its
    checks = [
        check
        for name, (_, fires) in rows.items()
        for check in (*((at, name, []) for at in silent), (firing, name, [fires]))
    ]
    return series, *checks


@dataclass
class Teller:
    promtool: Path
    folder: Path
    section: RulesSection = field(default_factory=RulesSection)

    def alerts(
        self, series: dict[str, str], *checks: tuple[str, str, list[Fires]], interval: str = "15s"
    ) -> None:
        """Feed the series and hold every (time, alert name, what fires) against the rules."""
        tests = [self._alert_test(*check) for check in checks]
        self._run({**_input(series, interval), "alert_rule_test": tests}, interval)

    def values(
        self,
        series: dict[str, str],
        *checks: tuple[str, str, dict[str, float]],
        interval: str = "15s",
    ) -> None:
        """Feed the series and hold every (time, query, value by series) against the rules."""
        tests = [
            {
                "eval_time": at,
                "expr": query,
                "exp_samples": [{"labels": name, "value": v} for name, v in samples.items()],
            }
            for at, query, samples in checks
        ]
        self._run({**_input(series, interval), "promql_expr_test": tests}, interval)

    def _alert_test(self, at: str, name: str, fires: list[Fires]) -> dict[str, Any]:
        return {
            "eval_time": at,
            "alertname": name,
            "exp_alerts": [
                {
                    "exp_labels": {
                        "severity": self._rule(name)["labels"]["severity"],
                        **one.labels,
                    },
                    "exp_annotations": self._annotations(name) | (one.annotations or {}),
                }
                for one in fires
            ],
        }

    def _rule(self, name: str) -> dict[str, Any]:
        return _alerts(self.section)[name]

    def _annotations(self, name: str) -> dict[str, str]:
        """Those that stand in the rule as they will be read."""
        written: dict[str, str] = self._rule(name)["annotations"]
        return {key: text for key, text in written.items() if "{{" not in text}

    def _run(self, test: dict[str, Any], interval: str) -> None:
        rules = self.folder / "rules.yml"
        groups = needed(_groups(self.section), asked_of(test))
        rules.write_text(yaml.dump({"groups": groups}, Dumper=yaml.CSafeDumper), encoding="utf-8")
        story = {
            "rule_files": [str(rules)],
            "evaluation_interval": interval,
            "group_eval_order": [group["name"] for group in groups],  # else it is drawn at random
            "tests": [test],
        }
        path = self.folder / "story.yml"
        path.write_text(yaml.dump(story, Dumper=yaml.CSafeDumper), encoding="utf-8")
        done = subprocess.run(
            [self.promtool, "test", "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def asked_of(test: dict[str, Any]) -> set[str]:
    """The names that a story's checks are about: alerts, and series in queries."""
    alerts = {check["alertname"] for check in test.get("alert_rule_test", ())}
    queries = " ".join(check["expr"] for check in test.get("promql_expr_test", ()))
    return alerts | set(NAME.findall(queries))


def needed(groups: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    """Those of the rules that the names stand on: telling a story by hundreds takes seconds."""
    reads = defaultdict(set)
    for group in groups:
        for rule in group["rules"]:
            reads[name_of(rule)] |= set(NAME.findall(rule["expr"]))
    kept, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in reads and name not in kept:
            kept.add(name)
            waiting += reads[name]
    left = [
        {**group, "rules": [rule for rule in group["rules"] if name_of(rule) in kept]}
        for group in groups
    ]
    return [group for group in left if group["rules"]]


def name_of(rule: dict[str, Any]) -> str:
    """What a rule makes."""
    name: str = rule.get("record") or rule["alert"]
    return name


def _groups(section: RulesSection) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = _groups_of(section.model_dump_json())
    return made


@cache
def _groups_of(section: str) -> list[dict[str, Any]]:
    return [
        group
        for name in ("recording.yml", "alerts.yml")
        for group in yaml.load(_texts_of(section)[name], Loader=yaml.CSafeLoader)["groups"]
    ]


@cache
def _texts_of(section: str) -> dict[str, str]:
    return texts(RulesSection.model_validate_json(section))


def _alerts(section: RulesSection) -> dict[str, Any]:
    made: dict[str, Any] = _alerts_of(section.model_dump_json())
    return made


@cache
def _alerts_of(section: str) -> dict[str, Any]:
    groups = _groups_of(section)
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def _input(series: dict[str, str], interval: str) -> dict[str, Any]:
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": v} for name, v in series.items()],
    }


SECTIONS = {
    "story": RulesSection(),
    # Sixty times faster, so that three days pass in 72 minutes.
    "quick_story": RulesSection(time_scale=60),
    # A scrape a minute, for stories of many hours.
    "slow_story": RulesSection(scrape_interval_seconds=60),
}
"""The config behind each way to tell a story."""


@pytest.fixture
def story(promtool: Path, tmp_path: Path) -> Teller:
    return Teller(promtool, tmp_path)


@pytest.fixture
def quick_story(promtool: Path, tmp_path: Path) -> Teller:
    return Teller(promtool, tmp_path, SECTIONS["quick_story"])


@pytest.fixture
def slow_story(promtool: Path, tmp_path: Path) -> Teller:
    return Teller(promtool, tmp_path, SECTIONS["slow_story"])
