"""Stories: series go in, and the real promtool says which alerts fire when, word for word."""

from __future__ import annotations

import subprocess
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


@dataclass(frozen=True)
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
        files = []
        for name in ("recording.yml", "alerts.yml"):
            path = self.folder / name
            path.write_text(_texts(self.section)[name], encoding="utf-8")
            files.append(str(path))
        story = {"rule_files": files, "evaluation_interval": interval, "tests": [test]}
        path = self.folder / "story.yml"
        path.write_text(yaml.safe_dump(story, sort_keys=False), encoding="utf-8")
        done = subprocess.run(
            [self.promtool, "test", "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _texts(section: RulesSection) -> dict[str, str]:
    return _texts_of(section.model_dump_json())


@cache
def _texts_of(section: str) -> dict[str, str]:
    return texts(RulesSection.model_validate_json(section))


def _alerts(section: RulesSection) -> dict[str, Any]:
    made: dict[str, Any] = _alerts_of(section.model_dump_json())
    return made


@cache
def _alerts_of(section: str) -> dict[str, Any]:
    groups = yaml.load(_texts_of(section)["alerts.yml"], Loader=yaml.CSafeLoader)["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _input(series: dict[str, str], interval: str) -> dict[str, Any]:
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": v} for name, v in series.items()],
    }


@pytest.fixture
def story(promtool: Path, tmp_path: Path) -> Teller:
    return Teller(promtool, tmp_path)


@pytest.fixture
def quick_story(promtool: Path, tmp_path: Path) -> Teller:
    """Sixty times faster, so that three days pass in 72 minutes."""
    return Teller(promtool, tmp_path, RulesSection(time_scale=60))


@pytest.fixture
def slow_story(promtool: Path, tmp_path: Path) -> Teller:
    """A scrape a minute, for stories of many hours."""
    return Teller(promtool, tmp_path, RulesSection(scrape_interval_seconds=60))
