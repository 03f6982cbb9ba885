"""loghub: group log lines by the statement that wrote them, one configuration for every set.

Layout: `SET/SET_2k.log_structured.csv` with the columns Content and EventId. Grouping accuracy is
the share of lines whose group is exactly the labelled one (Zhu et al., ICSE-SEIP 2019).
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analysis.templates import TemplateMiner
from benchmarks.suites import brain
from benchmarks.suites.result import NoLayoutError, Result
from benchmarks.suites.statistics import bootstrap

LAYOUT = "*_2k.log_structured.csv"
Grouping = Callable[[Sequence[str]], Sequence[object]]


def run(data: Path) -> Result:
    """Group every set below `data`, with ours and each peer that is installed."""
    files = sorted(data.rglob(LAYOUT))
    if not files:
        raise NoLayoutError(f"no {LAYOUT} below {data}")
    cases, lines = [], 0
    seconds: dict[str, float] = defaultdict(float)
    for path in files:
        contents, truth = read(path)
        lines += len(contents)
        case: dict[str, Any] = {"id": path.parent.name, "lines": len(contents)}
        for name, group in contenders().items():
            began = time.process_time()
            found = group(contents)
            seconds[name] += time.process_time() - began
            case[name] = accuracy(found, truth)
        cases.append(case)
    names = list(contenders())
    return Result(
        "loghub",
        {
            "grouping_accuracy": statistics.fmean(case["ours"] for case in cases),
            "grouping_accuracy_interval": bootstrap([c["ours"] for c in cases], statistics.fmean),
            "lines_per_second": lines / seconds["ours"],
            **{
                key: value
                for name in names[1:]
                for key, value in (
                    (f"{name}_grouping_accuracy", statistics.fmean(c[name] for c in cases)),
                    (f"{name}_lines_per_second", lines / seconds[name]),
                )
            },
        },
        cases,
        columns=("id", "lines", *names),
    )


def contenders() -> dict[str, Grouping]:
    """Ours first, then Brain from its paper, drain3 as it comes where it is installed, chance."""
    found: dict[str, Grouping] = {"ours": ours, "brain": brain.group}
    if importlib.util.find_spec("drain3"):
        found["drain3"] = drain3
    return {**found, "each_text_its_own": list}


def ours(contents: Sequence[str]) -> list[str]:
    """Learn all lines, then ask for each one's template."""
    miner = TemplateMiner()
    miner.learn(contents)
    return [miner.template(line) for line in contents]


def drain3(contents: Sequence[str]) -> list[int]:
    """drain3 with its own defaults."""
    module: Any = importlib.import_module("drain3")
    config: Any = importlib.import_module("drain3.template_miner_config")
    miner = module.TemplateMiner(config=config.TemplateMinerConfig())
    return [miner.add_log_message(line)["cluster_id"] for line in contents]


def accuracy(found: Sequence[object], truth: Sequence[str]) -> float:
    """Share of lines whose group holds exactly the lines of their label."""
    groups: dict[object, set[int]] = defaultdict(set)
    labelled: dict[str, set[int]] = defaultdict(set)
    for index, (group, label) in enumerate(zip(found, truth, strict=True)):
        groups[group].add(index)
        labelled[label].add(index)
    right = {frozenset(lines) for lines in labelled.values()}
    return sum(len(lines) for lines in groups.values() if frozenset(lines) in right) / len(truth)


def read(path: Path) -> tuple[list[str], list[str]]:
    """Contents and labels of a set."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["Content"] for row in rows], [row["EventId"] for row in rows]
