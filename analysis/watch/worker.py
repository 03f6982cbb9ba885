"""The thread that answers waiting incidents, one after the other, and looks again at open ones."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from analysis import bundle
from analysis.collect import window_of, without_evidence
from analysis.config import AnalysisSection, WatchSection
from analysis.diagnose import abstain, diagnose, may_become_clear
from analysis.evidence import SECOND, Alert, Evidence
from analysis.report import page
from analysis.similar import Memory
from analysis.sources.errors import SourceError
from analysis.verdict import ProposedRule, Verdict
from analysis.watch.ledger import Event, Incident, Ledger
from analysis.watch.outbox import Outbox
from analysis.watch.senders import Sender
from exporters.catalog import stack
from exporters.exposition import Registry

Collector = Callable[[Alert], Evidence]
Proposer = Callable[[Verdict], ProposedRule | None]

IDLE_SECONDS = 1.0
ANSWER_TRIES = 3
"""After this many failures an incident is answered without a look, to let the others pass."""

PATIENCE = 0.5
"""Share of the deadline in which an abstaining verdict is tried again on newer samples."""
LOOK_AGAIN_SECONDS = 1.5
REST = 3.0
"""A further look is followed by a rest this many times as long: a quarter of the time at most."""
HOUSEKEEPING_SECONDS = 600.0
SHOWN = 50
"""So many of the latest open incidents have a series."""

log = logging.getLogger(__name__)


class Worker:
    """Gives each incident a verdict, renews it while it lasts, and ends it; `wake` it to look."""

    def __init__(
        self,
        section: WatchSection,
        analysis: AnalysisSection,
        ledger: Ledger,
        collector: Collector,
        registry: Registry,
        senders: tuple[Sender, ...] = (),
        proposer: Proposer | None = None,
    ) -> None:
        self._section = section
        self._analysis = analysis
        self._ledger = ledger
        self._collect = collector
        self._registry = registry
        self._propose = proposer
        self._memory = Memory(section.verdicts)
        told = Memory(section.verdicts)  # the outbox has threads of its own
        self._outbox = Outbox(
            ledger, registry, senders, lambda key, verdict: told.alike(verdict, but=key[:6])
        )
        self._failures: Counter[str] = Counter()
        self._shared: tuple[object, Evidence] | None = None
        self._named: dict[str, tuple[str, str]] = {}
        self._rest_until = self._tidy_at = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="verdicts", daemon=True)

    def start(self) -> None:
        """Begin with what a former process left unanswered or unsent."""
        self._outbox.start()
        self._thread.start()

    def wake(self) -> None:
        """Look at the ledger now."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the incident in hand and stop; the rest stays in the ledger."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(self._section.deadline_seconds)
        self._outbox.stop()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and self._outbox.alive

    def show_open(self) -> None:
        """Bring the metrics in line with the ledger."""
        latest = self._ledger.incidents(open_only=True, limit=SHOWN)
        answered = [(one.key, one.verdict_id) for one in latest if one.verdict_id]
        self._named = {verdict_id: self._name(verdict_id) for _, verdict_id in answered}
        series: dict[tuple[str, ...], float] = {
            (key, *self._named[verdict_id]): 1.0 for key, verdict_id in answered
        }
        self._registry.gauge(stack.VERDICT_INFO).replace(series)
        self._registry.gauge(stack.VERDICT_BACKLOG).set(self._ledger.backlog())
        self._registry.gauge(stack.INCIDENTS_OPEN).set(self._ledger.open())

    def _name(self, verdict_id: str) -> tuple[str, str]:
        if known := self._named.get(verdict_id):
            return known
        document = self._ledger.verdict(verdict_id)
        first = Verdict.from_json(document).first if document else None
        return (first.kind, first.entity) if first else ("unknown", "")

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                busy = self._step()
            except Exception:
                # One incident must never end the service for all that follow.
                log.exception("an incident could not be answered; trying again")
                busy = False
            if not busy:
                self._wake.wait(IDLE_SECONDS)

    def _step(self) -> bool:
        """The most urgent thing there is to do; False when there is nothing."""
        if waiting := self._ledger.next():
            self._answer(waiting)
        elif ended := self._ledger.unfinished():
            self._look_again(ended)
        elif stale := self._stale():
            began = time.monotonic()
            self._look_again(stale)
            self._rest_until = time.monotonic() + REST * (time.monotonic() - began)
        else:
            self._tidy()
            return False
        return True

    def _stale(self) -> Incident | None:
        """The open incident to look at again; none once its window has reached its end."""
        if time.monotonic() < self._rest_until:
            return None
        now = time.time_ns()
        horizon = int((2 * self._analysis.incident + self._section.refresh_seconds) * SECOND)
        return self._ledger.stale(now - int(self._section.refresh_seconds * SECOND), now - horizon)

    def _answer(self, incident: Incident) -> None:
        self._failures[incident.key] += 1
        given_up = self._failures[incident.key] > ANSWER_TRIES
        evidence, verdict = (self._give_up if given_up else self._diagnose)(incident)
        waited = (time.time_ns() - incident.received_ns) / SECOND
        verdict = verdict.model_copy(update={"seconds": round(waited, 3)})
        self._registry.counter(stack.VERDICTS).inc(1, verdict.result)
        self._registry.histogram(stack.VERDICT_DURATION).observe(waited)
        # A resolve that came meanwhile is told with the verdict, and ends the incident.
        incident = self._ledger.incident(incident.key) or incident
        self._keep(incident, evidence, verdict, _event(incident, "firing"))
        del self._failures[incident.key]

    def _look_again(self, incident: Incident) -> None:
        """A newer verdict for an incident that lasts, and the final one for one that has ended."""
        result, event = "same", _event(incident, None)
        try:
            old = Verdict.from_json(self._ledger.verdict(incident.verdict_id or "") or "")
            evidence = self._evidence(incident)
            verdict = diagnose(evidence, self._analysis)
            if verdict.id == old.id or (verdict.abstained and not old.abstained):
                verdict = old
            if incident.resolved_ns:
                verdict = self._with_rule(verdict)
            if verdict is not old:
                event = self._news(incident, old, verdict)
                result = "new" if event is None else "told"
                if verdict.inputs_digest == old.inputs_digest:
                    evidence = Evidence.load(self._ledger.folder(old.id) or Path())
                self._keep(incident, evidence, verdict, event)
        except Exception:
            # The verdict that people have stays; its end must be told even if a new look fails.
            log.exception("a further look at %s failed; its verdict stays", incident.key)
            result = "failed"
        if result in ("same", "failed"):
            self._ledger.looked(incident, event=event, receivers=self._outbox.receivers)
            self._changed()
        self._registry.counter(stack.VERDICT_REFRESHES).inc(1, result)

    def _with_rule(self, verdict: Verdict) -> Verdict:
        """The verdict with an alert rule for next time, where history bears one."""
        if self._propose is None or verdict.proposed_rule is not None:
            return verdict
        try:
            rule = self._propose(verdict)
        except SourceError as error:
            log.warning("no rule could be tried on history: %s", error)
            return verdict
        return verdict if rule is None else verdict.model_copy(update={"proposed_rule": rule})

    def _news(self, incident: Incident, old: Verdict, new: Verdict) -> Event | None:
        """Whether people are to be told: of the end always, of another cause a few times."""
        other = _cause(old) != _cause(new) and incident.told < self._section.updates_limit
        return _event(incident, "update" if other else None)

    def _diagnose(self, incident: Incident) -> tuple[Evidence, Verdict]:
        """Diagnose; while the answer is that too little is known yet, look again."""
        while True:
            evidence = self._evidence(incident)
            verdict = diagnose(evidence, self._analysis)
            waited = (time.time_ns() - incident.received_ns) / SECOND
            patience = PATIENCE * self._section.deadline_seconds
            settled = not verdict.abstained or not may_become_clear(evidence)
            if settled or waited + self._analysis.step > patience or self._ledger.backlog() > 1:
                return evidence, verdict
            if self._stop.wait(max(self._analysis.step, LOOK_AGAIN_SECONDS)):
                return evidence, verdict

    def _give_up(self, incident: Incident) -> tuple[Evidence, Verdict]:
        """An abstaining verdict that says why: no evidence is read, nothing is worked out."""
        why = f"the diagnosis failed {ANSWER_TRIES} times; its log says why"
        evidence = without_evidence(incident.alert, self._analysis, why)
        return evidence, abstain(evidence, self._analysis)

    def _evidence(self, incident: Incident) -> Evidence:
        evidence = self._read(incident.alert)
        window = evidence.window
        posted = self._ledger.changes(window.baseline_ns, window.end_ns)
        return replace(evidence, changes=tuple(sorted({*evidence.changes, *posted})))

    def _read(self, alert: Alert) -> Evidence:
        """Read the sources; in a flood, alerts that ask of the same window share one reading."""
        window = window_of(alert, self._analysis, time.time_ns())
        asked = (alert.service, window)
        if self._ledger.backlog() > 1 and self._shared and self._shared[0] == asked:
            return replace(self._shared[1], alert=alert)
        evidence = self._collect(alert)
        self._shared = (asked, evidence)
        return evidence

    def _keep(
        self, incident: Incident, evidence: Evidence, verdict: Verdict, event: Event | None
    ) -> None:
        """Keep a verdict with its evidence; people get the verdict even where the disk is full."""
        folder = self._save(incident, evidence, verdict)
        replaced = self._ledger.answer(
            incident, (verdict.id, verdict.to_json()), folder,
            event=event, receivers=self._outbox.receivers,
        )  # fmt: skip
        for path in replaced:
            shutil.rmtree(path, ignore_errors=True)
        self._changed()

    def _changed(self) -> None:
        self._outbox.wake()
        self.show_open()

    def _save(self, incident: Incident, evidence: Evidence, verdict: Verdict) -> Path | None:
        folder = self._section.verdicts / f"{verdict.id}-{incident.key[:6]}"
        try:
            similar = self._memory.alike(verdict, but=incident.key[:6])
            bundle.write(folder, evidence, verdict, page(evidence, verdict, similar))
        except (OSError, pl.exceptions.PolarsError) as error:
            log.warning("the evidence of %s could not be kept: %s", verdict.id, error)
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return folder

    def _tidy(self) -> None:
        """End what nobody speaks of any more, and drop what is too old or too much."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + min(HOUSEKEEPING_SECONDS, self._section.expire_seconds)
        now, section = time.time_ns(), self._section
        if expired := self._ledger.expire(now - int(section.expire_seconds * SECOND)):
            self._registry.counter(stack.INCIDENTS_EXPIRED).inc(expired)
            self.show_open()
        before = now - int(section.retention_seconds * SECOND)
        self._ledger.forget(before)
        bundle.prune(
            section.verdicts, before_ns=before, keep_bytes=section.retention_bytes,
            but=self._ledger.open_folders(),
        )  # fmt: skip


def _event(incident: Incident, otherwise: Event | None) -> Event | None:
    """Its end, if it is over: a receiver that keeps an incident open must hear of it."""
    return otherwise if incident.resolved_ns is None else "resolved"


def _cause(verdict: Verdict) -> tuple[str, str]:
    first = verdict.first
    return (first.kind, first.entity) if first else ("", "")
