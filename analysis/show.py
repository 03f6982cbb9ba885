"""A kept verdict on a terminal: what it says, what people said of it, and what it was like."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from analysis import bundle, cost
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import SECOND, Evidence
from analysis.feedback import Word, load, read, words
from analysis.language import say, speaking
from analysis.page import render_text, title
from analysis.similar import Memory, moment
from analysis.verdict import Verdict

LISTED = 30


def shown(verdicts: Path, verdict_id: str, section: AnalysisSection | None = None) -> str:
    """The verdict in full; raises UsageError when there is none of that id.

    With a `section` in another language, it is given anew from its evidence.
    """
    folder = bundle.folder_of(verdicts, verdict_id)
    verdict = read(verdicts, verdict_id)
    if section and section.language != verdict.language:
        verdict = diagnose(Evidence.load(folder), section)
    with speaking(verdict.language):
        return "\n".join(_lines(verdict, folder))


def _lines(verdict: Verdict, folder: Path) -> list[str]:
    lines = [render_text(verdict).rstrip("\n")]
    if spent := cost.told(verdict.impact):
        lines.append(say("cost: {cost}", cost=spent))
    if rule := verdict.proposed_rule:
        fired = ", ".join(moment(at) for at in rule.fired)
        head = say("a rule for next time ({says}: {fired}):", says=rule.says, fired=fired)
        lines += [head, rule.rule.rstrip("\n")]
    if word := words(folder.parent).get(verdict.id):
        lines.append(say("said of it: {word}", word=told(word)))
    similar = Memory(folder.parent).alike(verdict, but=folder.name.rpartition("-")[2])
    if similar:
        lines += ["", say("seen before:"), *(f"   {one.text}" for one in similar)]
    return [*lines, say("evidence: {folder}", folder=str(folder))]


def listed(verdicts: Path) -> str:
    """The newest verdicts, one a line: id, when, what, and what was said of it."""
    said = words(verdicts)
    lines = []
    for folder in bundle.folders(verdicts)[:LISTED]:
        if (verdict := load(folder)) is None:
            continue
        word = f"  [{told(said[verdict.id])}]" if verdict.id in said else ""
        when = datetime.fromtimestamp(verdict.alert.starts_ns / SECOND, tz=UTC)
        lines.append(f"{verdict.id}  {when:%Y-%m-%d %H:%M:%S}  {title(verdict)}{word}")
    return "\n".join(lines) or f"{str(verdicts)!r} holds no verdict"


def told(word: Word) -> str:
    """`confirmed by kim: slow_replica@replica/r1`."""
    said = say("confirmed") if word.says == "confirm" else say("rejected")
    by = say(" by {name}", name=word.by) if word.by else ""
    return said + by + (f": {word.cause}" if word.cause else "")
