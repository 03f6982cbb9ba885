"""Put a clue to the measures: how far it holds, and which series says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from analysis.detectors import Shift
from analysis.evidence import Change
from analysis.graph import CLIENTS, GATEWAY, Graph
from analysis.phases import PhaseShare
from analysis.rootcause import degrees
from analysis.rootcause.clue import Clue
from analysis.rootcause.measures import Measures
from analysis.rootcause.voices import Voice


@dataclass(frozen=True)
class Witness:
    """The series behind an answer; `quantity` is "phase" for times taken from spans."""

    entity: str
    quantity: str
    part: str
    before: float
    after: float


@dataclass(frozen=True)
class Answer:
    """How far a clue holds; `degree` is None where nothing was measured."""

    clue: Clue
    degree: float | None
    witness: Witness | None = None


@dataclass(frozen=True)
class Case:
    """What all hypotheses are tried on."""

    service: str
    measures: Measures
    graph: Graph
    shares: tuple[PhaseShare, ...]
    changes: tuple[Change, ...] = ()
    voices: tuple[Voice, ...] = ()

    def ask(self, clue: Clue, suspect: str) -> Answer:
        """Put the clue to every entity it speaks of; the strongest answer counts."""
        answers = [self._ask_one(clue, entity) for entity in self._places(clue, suspect)]
        known = [answer for answer in answers if answer.degree is not None]
        if not known:
            return Answer(clue, None)
        # That nothing moved must hold everywhere; any other statement needs to hold somewhere.
        choose = min if clue.test in ("steady", "idle") else max
        return choose(known, key=lambda answer: answer.degree or 0.0)

    def heard(self, entity: str) -> tuple[Voice, ...]:
        """What was said anew at the entity, or of it where it has no log of its own."""
        own = [entity, *self.graph.above(entity)] if entity.startswith("gpu/") else [entity]
        mine = tuple(voice for voice in self.voices if voice.entity in own)
        if mine or entity == GATEWAY:
            return mine
        name = entity.rpartition("/")[2]
        return tuple(
            voice
            for voice in self.voices
            if voice.entity == GATEWAY and name.lower() in voice.statement.lower()
        )

    def _places(self, clue: Clue, suspect: str) -> tuple[str, ...]:
        graph = self.graph
        places: dict[str, Callable[[], tuple[str, ...]]] = {
            "self": lambda: (suspect,),
            "sisters": lambda: graph.peers(suspect),
            "clients": lambda: (CLIENTS,),
            "gateway": lambda: (GATEWAY,),
            "service": lambda: (f"service/{self.service}",),
            "gpu": lambda: self._devices(suspect),
            "hosted": lambda: graph.above(suspect),
            "replicas": lambda: graph.of_kind("replica"),
            "upstreams": lambda: graph.of_kind("upstream"),
            "caches": lambda: graph.of_kind("cache"),
            "node": lambda: graph.of_kind("node"),
        }
        return places[clue.where]()

    def _devices(self, suspect: str) -> tuple[str, ...]:
        if not suspect.startswith("replica/"):
            return self.graph.of_kind("gpu")
        return tuple(below for below in self.graph.below(suspect) if below.startswith("gpu/"))

    def _ask_one(self, clue: Clue, entity: str) -> Answer:
        if clue.test == "explains":
            return self._explains(clue, entity)
        if clue.test in ("changed", "unchanged"):
            changed = self._changed(clue, entity)
            return Answer(clue, changed if clue.test == "changed" else 1.0 - changed)
        if clue.test == "bites":
            return self._bites(clue, entity)
        if clue.quantity == "resent_growth":
            return self._resent_growth(clue, entity)
        shift = self.measures.shift(entity, clue.quantity, clue.part)
        if shift is None:
            return Answer(clue, None)
        part = clue.part or self.measures.loudest_part(entity, clue.quantity)
        degree = self._degree(clue, entity, part, shift)
        if clue.quantity == "queue_wait" and degree and clue.test in ("rises", "lasts"):
            degree *= self._weighs(shift)
        if clue.also and degree is not None:
            too = self._ask_one(replace(clue, quantity=clue.also, also=None), entity).degree
            degree = degree if too is None else min(degree, too)
        return Answer(clue, degree, Witness(entity, clue.quantity, part, shift.before, shift.after))

    def _changed(self, clue: Clue, entity: str) -> float:
        """Whether the entity was changed so, and soon before `since` moved, if it did."""
        times = [
            change.ts_ns
            for change in self.changes
            if change.entity == entity and change.kind == clue.quantity
        ]
        onsets = self.measures.onsets_of(entity, clue.since) if clue.since else []
        if not times or not onsets:
            return float(bool(times))
        steps = [(onset - at) / self.measures.step_ns for onset in onsets for at in times]
        return max(degrees.follows(one) for one in steps)

    def _degree(self, clue: Clue, entity: str, part: str, shift: Shift) -> float | None:
        if clue.test == "stands_out":
            sisters = [
                self.measures.shift(peer, clue.quantity, part or None)
                for peer in self.graph.peers(entity)
            ]
            return degrees.stands_out(shift, sisters)
        return TESTS[clue.test](shift)

    def _weighs(self, wait: Shift) -> float:
        """How far a longer wait is any of what users wait: milliseconds out of nothing are not."""
        whole = self.measures.shift(f"service/{self.service}", "duration_p99")
        if whole is None or max(whole.before, whole.after) <= 0:
            return 1.0
        return degrees.ramp((wait.after - wait.before) / max(whole.before, whole.after), 0.05, 0.2)

    def _resent_growth(self, clue: Clue, entity: str) -> Answer:
        """How far the rise in arrivals is made of resent requests."""
        fresh = self.measures.shift(entity, "fresh_arrivals")
        resent = self.measures.shift(entity, "resent_arrivals")
        if fresh is None or resent is None:
            return Answer(clue, None)
        more_resent = max(0.0, resent.after - resent.before)
        more = more_resent + max(0.0, fresh.after - fresh.before)
        share = more_resent / more if more > 0 else 0.0
        mostly_resent = degrees.ramp(share, 0.4, 0.7)
        degree = mostly_resent * (degrees.rise(resent) or 0.0)
        return Answer(
            clue, degree, Witness(entity, "resent_arrivals", "", resent.before, resent.after)
        )

    def _bites(self, clue: Clue, entity: str) -> Answer:
        """A limit is the cause where it lets in less than what usually came.

        One that others run into lets in as much as ever.
        """
        refused = self.measures.shift(entity, clue.quantity, clue.part)
        came = self.measures.shift(CLIENTS, "arrivals")
        if refused is None or came is None or came.before <= 0:
            return Answer(clue, None)
        let_in = came.last * (1.0 - min(1.0, refused.last)) / came.before
        degree = (degrees.lasting_share(refused) or 0.0) * (1.0 - degrees.ramp(let_in, 0.85, 1.15))
        return Answer(
            clue, degree,
            Witness(entity, clue.quantity, clue.part or "", refused.before, refused.after),
        )  # fmt: skip

    def _explains(self, clue: Clue, entity: str) -> Answer:
        """The share of what slow requests gained that was spent at this entity."""
        mine = [
            share
            for share in self.shares
            if share.entity == entity and clue.part in (None, share.phase)
        ]
        if self.shares:
            share = sum(one.share for one in mine)
            return Answer(clue, degrees.ramp(share, 0.15, 0.45), _in_spans(entity, mine))
        if entity.startswith("upstream/"):
            return self._explains_without_spans(clue, entity)
        return Answer(clue, None)

    def _explains_without_spans(self, clue: Clue, entity: str) -> Answer:
        """The same from means: the upstream's gain beside the replicas' and the queue's."""
        mine = self.measures.shift(entity, "upstream_time")
        if mine is None:
            return Answer(clue, None)
        others = [
            self.measures.shift(replica, "attempt_time")
            for replica in self.graph.of_kind("replica")
        ]
        gained = [max(0.0, other.after - other.before) for other in others if other is not None]
        wait = self.measures.shift(GATEWAY, "queue_wait")
        # Half a P99 stands in for the mean wait, which is not recorded.
        waited = 0.5 * max(0.0, wait.after - wait.before) if wait is not None else 0.0
        own = max(0.0, mine.after - mine.before)
        total = own + max(gained, default=0.0) + waited
        share = own / total if total > 0 else 0.0
        degree = degrees.ramp(share, 0.15, 0.45) * (degrees.rise(mine) or 0.0)
        return Answer(clue, degree, Witness(entity, "upstream_time", "", mine.before, mine.after))


def _in_spans(entity: str, mine: list[PhaseShare]) -> Witness | None:
    if not mine:
        return None
    loudest = max(mine, key=lambda one: one.share)
    return Witness(entity, "phase", loudest.phase, loudest.before, loudest.after)


def _steady(shift: Shift) -> float | None:
    rise, fall = degrees.rise(shift), degrees.fall(shift)
    return 1.0 - max(rise or 0.0, fall or 0.0)


def _idle(shift: Shift) -> float | None:
    return 1.0 - (degrees.rise(shift) or 0.0)


def _high(shift: Shift) -> float | None:
    """A share of arrivals that dominates, and did not before."""
    return degrees.ramp(max(shift.after, shift.last), 0.15, 0.35) * (degrees.rise(shift) or 0.0)


TESTS: dict[str, Callable[[Shift], float | None]] = {
    "rises": degrees.rise,
    "lasts": degrees.lasting_rise,
    "falls": degrees.fall,
    "steady": _steady,
    "full": degrees.full,
    "share_rises": degrees.share_rise,
    "share_lasts": degrees.lasting_share,
    "rare": degrees.rare,
    "frequent": degrees.frequent,
    "surges": degrees.surge,
    "idle": _idle,
    "high": _high,
    "climbs": degrees.climbs,
    "dominates": degrees.dominates,
}
