"""One incident from its kind and seed: draw, simulate, record, page, write."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from demo.incidents import blemishes, distractors, shapes, writing
from demo.incidents import plan as plans
from demo.incidents.blemishes import Blemishes
from demo.incidents.faults import KNOWN, Break
from demo.incidents.kernel import Steps
from demo.incidents.outside import OUTSIDE
from demo.incidents.paging import Page, first_page
from demo.incidents.plan import Plan
from demo.incidents.recording import Recorder, Series
from demo.incidents.shapes import Course
from demo.incidents.traces import ERROR, NS, WARN, Tracer
from demo.incidents.world import STEP, WARM_UP, World
from exporters.catalog import foreign

EPOCH_NS = 1_767_225_600 * NS
"""2026-01-01; each incident has a day of its own."""
AFTER_ONSET = 900.0
TURN_SECONDS = 5.0
HEALTHY_ASKED = 0.5
"""Share of the healthy controls about which a person asks without any page."""


@dataclass(frozen=True)
class Told:
    """What was drawn beside the fault itself."""

    course: Course
    broken: dict[str, Break]
    chronic: list[str]
    changes: list[str]
    blemishes: Blemishes


def make(kind: str, seed: str, folder: Path) -> None:
    """Write the incident that this kind and seed give; `a+b` is two causes at once."""
    rng = Random(f"{seed}/{kind}")
    plan = _plan(kind, rng)
    marred = blemishes.draw(rng, [one.name for one in plan.replicas])
    epoch = EPOCH_NS + rng.randrange(300) * 86_400 * NS
    tracer = Tracer(plan, epoch_ns=epoch, keep=marred.keep, skew=marred.skew, seed=seed)
    world = World(plan, seed, tracer.tell)
    tracer.complaint = lambda name: world.replica(name).complaint
    told = _break(world, kind, rng, marred)
    world.run(told.course.onset + AFTER_ONSET + STEP)
    tracer.logs.extend(_kernel_lines(world, tracer))
    series = Recorder(world, epoch / NS).series()
    page = _page(series, kind, told, rng)
    last = _asked(page, len(world.meters.times), rng)
    _write(folder, world, tracer, _firing(series, page), page, last, told, kind, seed, epoch)


def _plan(kind: str, rng: Random) -> Plan:
    plan = plans.draw(rng)
    if "cache_outage" in kind:
        hits, before = rng.uniform(0.35, 0.45), plan.cache_hits or 0.0
        plan = replace(plan, cache_hits=hits, rate=plan.rate * (1 - before) / (1 - hits))
    return plan


def _break(world: World, kind: str, rng: Random, marred: Blemishes) -> Told:
    course = shapes.draw(rng)
    chronic = distractors.chronic(world, rng)
    changes = distractors.changes(world, rng, course)
    broken = {one: (KNOWN.get(one) or OUTSIDE[one])(world, rng) for one in kind.split("+")}
    for one in broken.values():
        world.kernel.process(_follow(world, course, one))
    return Told(course, broken, chronic, changes, marred)


def _follow(world: World, course: Course, broken: Break) -> Steps:
    """Turn the fault as its course asks."""
    level = 0.0
    yield world.kernel.timeout(course.onset - world.kernel.now)
    while True:
        wanted = course.level(world.kernel.now)
        if wanted != level:
            level = wanted
            broken.turn(level)
        yield world.kernel.timeout(TURN_SECONDS)


def _kernel_lines(world: World, tracer: Tracer) -> list[dict[str, Any]]:
    killed = [
        tracer.line(at, ERROR, f"Out of memory: Killed process {4000 + number} (python3)", pod=name)
        for number, (at, name) in enumerate(world.killed)
    ]
    return [*killed, *(tracer.line(at, WARN, note, pod=name) for at, name, note in world.notes)]


def _page(series: list[Series], kind: str, told: Told, rng: Random) -> Page:
    """When somebody was paged, or asked of their own accord."""
    onset = int((told.course.onset + WARM_UP) / STEP)
    page = first_page(series, onset)
    if page is not None:
        return page
    late = rng.uniform(360.0, 780.0)
    alert = "QueueDeepWarning" if kind == "none" and rng.random() < HEALTHY_ASKED else ""
    return Page(alert, onset + int(late / STEP))


def _asked(page: Page, rows: int, rng: Random) -> int:
    """The last scrape that the verdict could see."""
    return min(rows - 1, page.row + rng.randint(1, 12))


def _firing(series: list[Series], page: Page) -> list[Series]:
    if not page.alert:
        return series
    rows = np.arange(len(series[0].values))
    labels = (("alertname", page.alert), ("alertstate", "firing"), ("severity", "page"))
    firing = Series(foreign.ALERTS.name, labels, np.where(rows >= page.row, 1.0, np.nan))
    return [*series, firing]


def _write(
    folder: Path, world: World, tracer: Tracer, series: list[Series], page: Page, last: int,
    told: Told, kind: str, seed: str, epoch: int,
) -> None:  # fmt: skip
    first = int(WARM_UP / STEP)
    times = [epoch + round(at) * NS for at in world.meters.times]
    shown = [
        one.with_values(one.values[first : last + 1])
        for one in blemishes.mar(series, told.blemishes, seed)
    ]
    spans, logs = tracer.frames(world.meters.times[last])
    if told.blemishes.without_spans:
        spans = spans.clear()
    writing.write(
        folder,
        metrics=writing.metrics_frame(shown, times[first : last + 1]),
        spans=spans,
        logs=logs,
        alert={
            "alert": page.alert,
            "starts_ns": times[page.row],
            "asked_ns": times[last],
            "labels": {"service": world.plan.service},
            "step_seconds": STEP,
        },
        truth=_truth(kind, seed, told, epoch, page),
    )


def _truth(kind: str, seed: str, told: Told, epoch: int, page: Page) -> dict[str, Any]:
    course = told.course
    return {
        "kind": kind if KNOWN.keys() >= told.broken.keys() else "unknown",
        "trouble": kind,
        "entities": [entity for one in told.broken.values() for entity in one.entities],
        "causes": {one: list(broken.entities) for one, broken in told.broken.items()},
        "onset_ns": epoch + int(course.onset * NS) if kind != "none" else None,
        "shape": course.shape,
        "rise_seconds": round(course.rise, 1),
        "length_seconds": round(course.length, 1) if course.length else None,
        "severity": round(max(one.severity for one in told.broken.values()), 3),
        "paged": bool(page.alert),
        "chronic": told.chronic,
        "changes": told.changes,
        "blemishes": asdict(told.blemishes),
        "seed": seed,
    }
