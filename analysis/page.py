"""The verdict as a person reads it: on a page within a screen, on a terminal in full."""

from __future__ import annotations

import textwrap

from alerts.messages import words as table
from analysis import words
from analysis.health import clock
from analysis.language import say, speaking, spoken
from analysis.verdict import Cause, Verdict

PAGE_LIMIT = 600
"""Characters before the details: what a phone shows without scrolling."""
NAMES_LIMIT = 120
"""Of them, what the names of what is ruled out may keep when the cause needs room."""
SURE = 0.5
"""A second cause less sure than this stands among the details alone."""


def render_page(verdict: Verdict) -> str:
    """Head of at most PAGE_LIMIT characters, an empty line, then the details.

    In the language that the verdict was given in.
    """
    with speaking(verdict.language):
        return f"{_head(verdict)}\n\n" + "\n".join(_details(verdict)) + "\n"


def title(verdict: Verdict) -> str:
    """One line: the cause and where, or why there is none."""
    with speaking(verdict.language):
        first, service = verdict.first, words.name(verdict.symptom.entity)
        if first is None:
            return say("{service}: no cause named", service=service)
        if first.kind == "none":
            return say("{service}: nothing is wrong", service=service)
        kind, entity = words.cause(first.kind), words.name(first.entity)
        return say("{service}: {kind} at {entity}", service=service, kind=kind, entity=entity)


def _head(verdict: Verdict) -> str:
    """What it is and how sure, what it is not, what to do; the longest gives way to the limit."""
    above, below = title(verdict), [*_also(verdict), _users(verdict)]
    last = _do(verdict)
    room = PAGE_LIMIT - sum(len(line) + 1 for line in (above, *below, *last))
    ruled_out = _ruled_out(verdict)
    cause = _cut(_cause(verdict), room - min(len(ruled_out), NAMES_LIMIT) - 1)
    ruled_out = _cut(ruled_out, room - len(cause) - 1)
    lines = [above, cause, *below, ruled_out, *last]
    return _cut("\n".join(line for line in lines if line), PAGE_LIMIT)


def _cause(verdict: Verdict) -> str:
    first = verdict.first
    if first is None:
        return say("No cause named: {reason}.", reason=verdict.reason)
    sure = _percent(first)
    return say("Cause ({confidence} %): {explanation}", confidence=sure,
               explanation=first.explanation)  # fmt: skip


def _users(verdict: Verdict) -> str:
    since = _since(verdict.symptom.since)
    if verdict.first is None and not since:
        return ""  # the reason says so already
    return say("Users: {symptom}{since}", symptom=verdict.symptom.text, since=since)


def _ruled_out(verdict: Verdict) -> str:
    cause = verdict.first.entity if verdict.first else ""
    others = (item.entity for item in verdict.ruled_out if item.entity != cause)
    names = table.words("pages", spoken())["list"].join(
        dict.fromkeys(words.name(entity) for entity in others)
    )
    return say("Ruled out: {names}", names=names) if names else ""


def _also(verdict: Verdict) -> list[str]:
    """The second of two causes at once."""
    if verdict.first is None:
        return []
    return [
        say("Also ({confidence} %): {kind} at {entity}", confidence=_percent(cause),
            kind=words.cause(cause.kind), entity=words.name(cause.entity))
        for cause in verdict.causes[1:2]
        if cause.confidence >= SURE
    ]  # fmt: skip


def _do(verdict: Verdict) -> list[str]:
    """What to do now; without a cause, about what keeps it from being named."""
    if verdict.first:
        return [say("Do: {remedy}", remedy=verdict.first.remedy)]
    blind = verdict.data_quality and verdict.symptom.since is None
    return [say("Do: {remedy}", remedy=words.remedy("telemetry_gap" if blind else "unknown"))]


def _percent(cause: Cause) -> str:
    return f"{100 * cause.confidence:.0f}"


def _since(moment: int | None) -> str:
    return say(", since {clock}", clock=clock(moment)) if moment else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(0, most - 1)].rstrip() + "…"


def _details(verdict: Verdict) -> list[str]:
    lines = [say("Verdict {id}", id=verdict.id)]
    for cause in verdict.causes:
        lines.append(_cause_line(cause))
        lines += [f"   {item.text}" for item in cause.evidence]
    if verdict.ruled_out:
        lines.append(say("ruled out:"))
    lines += [f"   {line}" for line in _cleared(verdict)]
    lines += [
        say("blind: {source}: {gap}", source=item.source, gap=item.gap)
        for item in verdict.data_quality
    ]
    return lines


def _cleared(verdict: Verdict) -> list[str]:
    return [
        say("{entity}: {change}", entity=words.name(item.entity), change=item.why)
        for item in verdict.ruled_out
    ]


def _cause_line(cause: Cause) -> str:
    return say(
        "{rank}. {kind} at {entity}, confidence {confidence} %{since}",
        rank=str(cause.rank),
        kind=cause.kind,
        entity=cause.entity,
        confidence=_percent(cause),
        since=_since(cause.since),
    )


def render_text(verdict: Verdict, width: int = 100) -> str:
    """The long form for a terminal, plain lines."""
    with speaking(verdict.language):
        return "\n".join(_wrapped(_lines(verdict), width)) + "\n"


def _lines(verdict: Verdict) -> list[str]:
    lines = [title(verdict), "", *_section(say("What users feel"), _felt(verdict))]
    if verdict.abstained:
        lines += _section(say("No cause is named"), [verdict.reason + "."])
    for cause in verdict.causes:
        lines += _section(_cause_line(cause), _cause_body(cause))
    lines += _section(say("Ruled out"), _cleared(verdict))
    gaps = [say("{source}: {gap}", source=i.source, gap=i.gap) for i in verdict.data_quality]
    lines += _section(say("Data missing"), gaps)
    digest = verdict.inputs_digest[:19]
    return [*lines, say("verdict {id}, {digest}…", id=verdict.id, digest=digest)]


def _felt(verdict: Verdict) -> list[str]:
    symptom, failed = verdict.symptom, verdict.impact.requests_failed
    lines = [f"{symptom.text}{_since(symptom.since)}"]
    if failed:
        lines.append(say("{count} requests failed so far", count=f"{failed:,.0f}"))
    return lines


def _cause_body(cause: Cause) -> list[str]:
    return [
        cause.explanation,
        *(f"· {item.text}" for item in cause.evidence),
        say("path: {path}", path=" → ".join(cause.path)),
        say("do: {remedy}", remedy=cause.remedy),
    ]


def _section(heading: str, body: list[str]) -> list[str]:
    return [heading, *(f"   {line}" for line in body), ""] if body else []


def _wrapped(lines: list[str], width: int) -> list[str]:
    out = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        out += textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False) or [""]
    return out
