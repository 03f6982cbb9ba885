"""How long a condition must hold before each alert fires, to the second, told by promtool itself.

Each alert stands in the rules three times: as it is, with its `for` halved, and doubled. One story
shows when its condition began and when each of the three fired; what `for` is shows in all of it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import rules
from alerts.config import RulesSection
from alerts.render import texts
from tests.alerts.conftest import needed
from tests.alerts.stories import Story, all_stories, seconds, sections
from tests.conftest import Golden

HALVED, DOUBLED = "Halved", "Doubled"
ALERTS = {alert.name for alert in rules.alerts_in(rules.groups(RulesSection()))}
FIRST = """min by (alertname) (min_over_time(
  timestamp(ALERTS{{alertname=~"{name}",alertstate="firing"}})[{back}s:{step}]))"""
BEGAN = 'min by (alertname) (ALERTS_FOR_STATE{{alertname="{name}"}})'
GOT = re.compile(r'\{alertname="(\w+)"\} (\S+?)[,\s]')


@dataclass(frozen=True)
class Hold:
    """Seconds from when a condition began until its alert fired, and until its mutants did.

    `None` is a mutant that had not fired when the story looked.
    """

    rule: int
    fired: int
    halved: int | None
    doubled: int | None
    step: int

    def __str__(self) -> str:
        if not self.rule:
            return "at once"
        return f"silent after {self.fired - self.step} s, fires after {self.fired} s"


def first_stories() -> list[tuple[Story, dict[str, int]]]:
    """Stories in which an alert fires for the first time, and when they look at each of them."""
    found: dict[str, tuple[Story, int]] = {}
    for story in all_stories():
        for check in story.checks:
            if check.fires:
                found.setdefault(check.alert, (story, check.seconds))
    of_story = {id(story): story for story, _ in found.values()}
    return [
        (story, {name: at for name, (its, at) in found.items() if its is story})
        for story in of_story.values()
    ]


def scaled(duration: str, factor: float) -> str:
    return f"{round(seconds(duration) * factor * 1000)}ms"


def with_mutants(groups: list[dict[str, Any]], names: set[str]) -> Iterator[dict[str, Any]]:
    for group in groups:
        mutants = [
            {**rule, "alert": rule["alert"] + mutant, "for": scaled(rule["for"], factor)}
            for rule in group["rules"]
            if rule.get("alert") in names and "for" in rule
            for mutant, factor in ((HALVED, 0.5), (DOUBLED, 2))
        ]
        yield {**group, "rules": [*group["rules"], *mutants]}


def asked(
    promtool: Path, folder: Path, groups: list[dict[str, Any]], test: dict[str, Any], tick: int
) -> str:
    """What promtool says to a story in which nothing is expected of any query."""
    where = folder / "rules.yml"
    where.write_text(yaml.dump({"groups": groups}, Dumper=yaml.CSafeDumper), encoding="utf-8")
    document = {
        "rule_files": [str(where)],
        "evaluation_interval": f"{tick}s",
        "group_eval_order": [group["name"] for group in groups],  # else it is drawn at random
        "tests": [test],
    }
    told = folder / "story.yml"
    told.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", told], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def holds_in(
    promtool: Path, folder: Path, groups: list[dict[str, Any]], story: Story, looks: dict[str, int]
) -> Iterator[tuple[str, Hold]]:
    names = set(looks)
    left = list(with_mutants(needed(groups, names), names))
    written = {r["alert"]: r for group in left for r in group["rules"] if "alert" in r}
    waits = {name: seconds(written[name].get("for", "0s")) for name in names}
    # A `for` as long as a step cannot be told from its half.
    step = seconds(story.test["interval"])
    tick = step // 4 if step in waits.values() else step
    queries = [
        {"expr": expr, "eval_time": f"{at}s", "exp_samples": []}
        for name, at in looks.items()
        for expr in (FIRST.format(name=f"{name}({HALVED}|{DOUBLED})?", back=at, step=f"{tick}s"),
                     BEGAN.format(name=name))
    ]  # fmt: skip
    test = {
        "interval": f"{step}s",
        "input_series": story.test["input_series"],
        "promql_expr_test": queries,
    }
    answers = asked(promtool, folder, left, test, tick).split("expr:")[1:]
    assert len(answers) == len(queries)
    for name, fired, began in zip(looks, answers[::2], answers[1::2], strict=True):
        at = {told: float(moment) for told, moment in GOT.findall(fired + " ")}
        (start,) = (float(moment) for _, moment in GOT.findall(began + " "))
        after = {told: round(moment - start) for told, moment in at.items()}
        yield (
            name,
            Hold(
                rule=waits[name],
                fired=after[name],
                halved=after.get(name + HALVED),
                doubled=after.get(name + DOUBLED),
                step=tick,
            ),
        )


@pytest.fixture(scope="module")
def holds(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Hold]:
    folder = tmp_path_factory.mktemp("holds")
    groups = {
        kind: [
            group
            for name in ("recording.yml", "alerts.yml")
            for group in yaml.load(texts(section)[name], Loader=yaml.CSafeLoader)["groups"]
        ]
        for kind, section in sections().items()
    }
    return dict(
        found
        for story, looks in first_stories()
        for found in holds_in(promtool, folder, groups[story.section], story, looks)
    )


@pytest.mark.slow
def test_each_alert_waits_as_long_as_its_for_and_no_longer(
    holds: dict[str, Hold], golden: Golden
) -> None:
    assert holds.keys() == ALERTS
    assert {name for name, hold in holds.items() if hold.fired != hold.rule} == set()
    golden.check("holds.txt", "".join(f"{name}: {holds[name]}\n" for name in sorted(holds)))


@pytest.mark.slow
def test_a_for_halved_speaks_too_soon_and_one_doubled_too_late(holds: dict[str, Hold]) -> None:
    waiting = {name: hold for name, hold in holds.items() if hold.rule}
    soon = {n for n, h in waiting.items() if h.halved is not None and h.halved < h.fired}
    late = {n for n, h in waiting.items() if h.doubled is None or h.doubled > h.fired}

    assert waiting
    assert soon == waiting.keys()
    assert late == waiting.keys()
