"""One run: a healthy stretch, a fault, the page, the verdict, and whether it is as declared."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from demo.engines import Engine
from demo.engines.tiny import Tiny
from demo.faults import Fault
from demo.outcome import Declared, Outcome, Verdict, judge, named, rank_of
from demo.pager import Message
from demo.servers import RunFolder
from demo.stack import Say, Stack
from demo.stage import Stage
from exporters.catalog.foreign import ALERTS

SETTLE_SECONDS = 3.0
HEALTHY_SECONDS = 40.0
PAGE_SECONDS = 30.0
QUIET_SECONDS = 25.0
VERDICT_SECONDS = 15.0
INJECTED = "injected"
"""The file in a run's folder that says when (Unix seconds)."""

Show = Callable[[Verdict], None]


@dataclass(frozen=True)
class Answer:
    """What came of the fault, with the seconds it took."""

    page: Message | None = None
    verdict: Verdict | None = None
    page_seconds: float | None = None
    verdict_seconds: float | None = None


def run(
    stack: Stack, fault: Fault, seed: int, say: Say, show: Show, *, engine: Engine | None = None
) -> Outcome:
    """Start a fresh service, break it as `fault` says, and judge what came of it.

    Without `engine` the demo's own replicas stand behind the gateway.
    """
    engine = engine or Tiny()
    began = time.monotonic()
    rng = random.Random(f"{seed}/{fault.name}")
    place = RunFolder(stack.run.path / f"{fault.name}-{seed}")
    with Stage(
        place,
        seed,
        engine=engine,
        rate=fault.rate,
        repeats=fault.repeats,
        telemetry=stack.telemetry,
        device_state=stack.device if engine.has_gpus else None,
    ) as stage:
        stage.follow = stack.follow
        time.sleep(SETTLE_SECONDS)
        stack.aim(stage.targets)
        say(f"the service is up ({', '.join(stage.replicas)}) and is left alone for a while")
        early = _fired_in_health(stack, HEALTHY_SECONDS + fault.onset(rng))
        at = time.time()
        injected = fault.inject(stage, rng)
        (place.path / INJECTED).write_text(f"{injected.since or at}\n")
        say(f"now: {injected.says}")
        answer = _wait(stack, fault, injected.since or at, say)
        if answer.verdict:
            show(answer.verdict)
        memory = stack.peak_bytes + sum(m.process.peak_rss_bytes for m in stage.members.values())
        stack.look_away()
    stack.forget()
    declared = Declared(
        page=fault.expected.page,
        kind=fault.expected.kind or "",
        entities=frozenset(injected.entities),
        abstains=fault.expected.abstained,
    )
    miss = judge(declared, paged=answer.page is not None, verdict=answer.verdict)
    if early:
        miss = f"{', '.join(sorted(early))} fired before the fault"
    return Outcome(
        fault=fault.name,
        seed=seed,
        expected=str(declared),
        named=named(answer.verdict) if answer.page else "no page",
        rank=rank_of(declared, answer.verdict),
        page_seconds=answer.page_seconds,
        verdict_seconds=answer.verdict_seconds,
        met=not miss,
        why=miss,
        peak_bytes=memory,
        seconds=time.monotonic() - began,
        engine=engine.name,
    )


def _fired_in_health(stack: Stack, seconds: float) -> set[str]:
    """Names of alerts that told of trouble within the next `seconds`; an info tells what is so."""
    firing = ALERTS.value.where(alertstate="firing").matching(severity="page|warning|ticket")
    fired: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1.0)
        fired |= {_alert_name(labels) for labels in stack.labels_of(firing)}
    return fired


def _alert_name(labels: dict[str, str]) -> str:
    signal = labels.get("signal")
    return f"{labels['alertname']} of {signal}" if signal else labels["alertname"]


def _wait(stack: Stack, fault: Fault, since: float, say: Say) -> Answer:
    page = stack.pager.first_page(since, PAGE_SECONDS if fault.expected.page else QUIET_SECONDS)
    if page is None:
        return Answer()
    names = sorted({alert["labels"]["alertname"] for alert in page.payload["alerts"]})
    say(f"page after {page.received - since:.1f} s: {', '.join(names)}")
    told = stack.pager.first_verdict(since, VERDICT_SECONDS)
    if told is None:
        return Answer(page, page_seconds=page.received - since)
    verdict: Verdict = told.payload["verdict"]
    return Answer(page, verdict, page.received - since, max(0.0, told.received - page.received))
