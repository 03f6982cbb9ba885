"""Past incidents like this one, by what anyone can check: kind, entity and signals."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis import words as wording
from analysis.bundle import folders
from analysis.evidence import SECOND
from analysis.feedback import Word, load, words
from analysis.language import say, speaking
from analysis.verdict import Verdict

SAME_KIND, SAME_ENTITY, SAME_TYPE, SIGNALS = 0.5, 0.2, 0.1, 0.3
"""What each is worth: together 1. Another entity of the same type counts half."""
LIKE = 0.55
"""Below this two incidents have little in common: a kind alone is not enough."""
TOLD = 3
FRESH_SECONDS = 5.0
PLACE_OR_NUMBER = re.compile(r"^.*?[:：]|\d[\d.,]*")
"""What differs between two statements of the same that bear no query: where, and how much."""
LOOKED_AT = 1000
"""The newest so many verdicts are compared."""


@dataclass(frozen=True)
class Features:
    """What of a verdict is compared: the cause at rank 1, and the signals that told of it."""

    verdict: str
    when_ns: int
    kind: str
    entity: str
    signals: frozenset[str]


@dataclass(frozen=True)
class Similar:
    """A past incident, how alike it is (0 to 1), and what it turned out to be."""

    verdict: str
    when_ns: int
    score: float
    kind: str
    entity: str
    word: str
    text: str

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def features(verdict: Verdict) -> Features | None:
    """None where a verdict lists no cause at all."""
    if not verdict.causes:
        return None
    first = verdict.causes[0]
    told = {item.query or PLACE_OR_NUMBER.sub("", item.text) for item in first.evidence}
    signals = told | {first.signal, verdict.symptom.signal}
    return Features(
        verdict.id, verdict.alert.starts_ns, first.kind, first.entity, frozenset(signals)
    )


def score(one: Features, other: Features) -> float:
    """How alike two incidents are, 0 to 1."""
    same_type = one.entity.partition("/")[0] == other.entity.partition("/")[0]
    both = len(one.signals & other.signals) / max(1, len(one.signals | other.signals))
    entity = SAME_ENTITY if one.entity == other.entity else SAME_TYPE * same_type
    return SAME_KIND * (one.kind == other.kind) + entity + SIGNALS * both


def alike(verdict: Verdict, past: Iterable[Features], said: dict[str, Word]) -> tuple[Similar, ...]:
    """The past incidents most alike, the best first; ties by the newest."""
    mine = features(verdict)
    if mine is None:
        return ()
    found = [
        (round(score(mine, other), 3), other)
        for other in past
        if other.when_ns < verdict.window.start_ns  # what began with it is the same trouble
    ]
    found = [(value, other) for value, other in found if value >= LIKE]
    found.sort(key=lambda item: (-item[0], -item[1].when_ns, item[1].verdict))
    once = {other.when_ns: (value, other) for value, other in reversed(found)}
    best = sorted(once.values(), key=lambda item: (-item[0], -item[1].when_ns))[:TOLD]
    with speaking(verdict.language):
        return tuple(_similar(mine, other, value, said.get(other.verdict)) for value, other in best)


def _similar(mine: Features, other: Features, value: float, word: Word | None) -> Similar:
    return Similar(
        other.verdict, other.when_ns, value, other.kind, other.entity,
        _outcome(word), _text(mine, other, word),
    )  # fmt: skip


def _outcome(word: Word | None) -> str:
    if word is None:
        return ""
    return f"{word.says}ed, was {word.cause}" if word.cause else f"{word.says}ed"


def _text(mine: Features, other: Features, word: Word | None) -> str:
    common = len(mine.signals & other.signals)
    reasons = [say("same kind")] if mine.kind == other.kind else []
    reasons += [say("same place")] if mine.entity == other.entity else []
    reasons.append(say("{count} of {all} signals", count=str(common), all=str(len(mine.signals))))
    return say(
        "{when} {kind} at {entity}{said} ({reasons}; {id})",
        when=moment(other.when_ns), kind=wording.cause(other.kind),
        entity=wording.name(other.entity), said=_said(word),
        reasons=say(", ").join(reasons), id=other.verdict,
    )  # fmt: skip


def _said(word: Word | None) -> str:
    if word is None:
        return ""
    said = say(", confirmed") if word.says == "confirm" else say(", rejected")
    return said + (say(", was {cause}", cause=str(word.cause)) if word.cause else "")


def moment(ts_ns: int) -> str:
    """Day and minute of something past, UTC."""
    return datetime.fromtimestamp(ts_ns / SECOND, tz=UTC).strftime("%Y-%m-%d %H:%M")


class Memory:
    """The features of kept verdicts, each read once; at most `LOOKED_AT` of them."""

    def __init__(self, verdicts: Path) -> None:
        self._verdicts = verdicts
        self._known: dict[Path, Features | None] = {}
        self._fresh_until = 0.0

    def alike(self, verdict: Verdict, *, but: str = "") -> tuple[Similar, ...]:
        """Past incidents like `verdict`; folders whose name ends in `but` are its own."""
        self._renew()
        past = [
            known
            for path, known in self._known.items()
            if known and not (but and path.name.endswith(but))
        ]
        return alike(verdict, past, words(self._verdicts))

    def _renew(self) -> None:
        """Look at the folders anew, but in a flood not for each verdict."""
        if time.monotonic() < self._fresh_until:
            return
        newest = folders(self._verdicts)[:LOOKED_AT]
        self._known = {path: self._features(path) for path in newest}
        self._fresh_until = time.monotonic() + FRESH_SECONDS

    def _features(self, folder: Path) -> Features | None:
        if folder in self._known:
            return self._known[folder]
        verdict = load(folder)
        return features(verdict) if verdict else None
