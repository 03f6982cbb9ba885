"""The thread that answers waiting incidents, one after the other."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from analysis.collect import without_evidence
from analysis.config import AnalysisSection, WatchSection
from analysis.diagnose import diagnose, may_become_clear
from analysis.evidence import SECOND, Alert, Evidence
from analysis.verdict import Verdict
from analysis.watch.ledger import Incident, Ledger
from analysis.watch.outbox import Outbox
from analysis.watch.publish import annotation_payload
from exporters.catalog import stack
from exporters.exposition import Registry

Collector = Callable[[Alert], Evidence]

IDLE_SECONDS = 1.0
ANSWER_TRIES = 3
"""After this many failures an incident is answered without evidence, to let the others pass."""

PATIENCE = 0.5
"""Share of the deadline in which an abstaining verdict is tried again on newer samples."""
LOOK_AGAIN_SECONDS = 1.5

log = logging.getLogger(__name__)


class Worker:
    """Answers each incident exactly once; `wake` it when there is something to do."""

    def __init__(
        self,
        section: WatchSection,
        analysis: AnalysisSection,
        ledger: Ledger,
        collector: Collector,
        registry: Registry,
    ) -> None:
        self._section = section
        self._analysis = analysis
        self._ledger = ledger
        self._collect = collector
        self._registry = registry
        self._outbox = Outbox(section, ledger, registry)
        self._failures: Counter[str] = Counter()
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
        self._outbox.wake()

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
        series: dict[tuple[str, ...], float] = {}
        for incident in self._ledger.incidents(open_only=True, limit=50):
            document = incident.verdict_id and self._ledger.verdict(incident.verdict_id)
            if document:
                first = Verdict.from_json(document).first
                cause = (first.kind, first.entity) if first else ("unknown", "")
                series[incident.key, *cause] = 1.0
        self._registry.gauge(stack.VERDICT_INFO).replace(series)
        self._registry.gauge(stack.VERDICT_BACKLOG).set(self._ledger.backlog())

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
        waiting = self._ledger.next()
        if waiting is None:
            return False
        self._answer(waiting)
        return True

    def _answer(self, incident: Incident) -> None:
        self._failures[incident.key] += 1
        evidence, verdict = self._diagnose(incident)
        waited = (time.time_ns() - incident.received_ns) / SECOND
        verdict = verdict.model_copy(update={"seconds": round(waited, 3)})
        folder = self._keep(incident, evidence, verdict)
        annotation = json.dumps(annotation_payload(verdict))
        self._ledger.answer(incident.key, verdict.id, verdict.to_json(), annotation, folder)
        self._registry.counter(stack.VERDICTS).inc(1, verdict.result)
        self._registry.histogram(stack.VERDICT_DURATION).observe(waited)
        answered = replace(incident, state="answered", verdict_id=verdict.id)
        del self._failures[incident.key]
        self._outbox.annotate(answered, verdict)
        self._outbox.wake()
        self.show_open()

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

    def _evidence(self, incident: Incident) -> Evidence:
        if self._failures[incident.key] > ANSWER_TRIES:
            why = f"the diagnosis failed {ANSWER_TRIES} times; its log says why"
            return without_evidence(incident.alert, self._analysis, why)
        evidence = self._collect(incident.alert)
        window = evidence.window
        posted = self._ledger.changes(window.baseline_ns, window.end_ns)
        return replace(evidence, changes=tuple(sorted({*evidence.changes, *posted})))

    def _keep(self, incident: Incident, evidence: Evidence, verdict: Verdict) -> Path | None:
        """Write the evidence beside the verdict; people get the verdict even where that fails."""
        folder = self._section.verdicts / f"{verdict.id}-{incident.key[:6]}"
        try:
            evidence.save(folder)
            (folder / "verdict.json").write_text(verdict.to_json(), encoding="utf-8")
        except (OSError, pl.exceptions.PolarsError) as error:
            log.warning("the evidence of %s could not be kept: %s", verdict.id, error)
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return folder
