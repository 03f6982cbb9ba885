"""The verdict as a person reads it: on a page within a screen, on a terminal in full."""

from __future__ import annotations

import textwrap

from analysis import words
from analysis.health import clock
from analysis.verdict import Cause, Verdict

PAGE_LIMIT = 600
"""Characters before the details: what a phone shows without scrolling."""


def render_page(verdict: Verdict) -> str:
    """Head of at most PAGE_LIMIT characters, an empty line, then the details."""
    head = "\n".join(_head(verdict))
    if len(head) > PAGE_LIMIT:
        head = head[: PAGE_LIMIT - 1].rstrip() + "…"
    return f"{head}\n\n" + "\n".join(_details(verdict)) + "\n"


def title(verdict: Verdict) -> str:
    """One line: the cause and where, or why there is none."""
    first = verdict.first
    if first is None:
        return f"{_service(verdict)}: no cause named"
    if first.kind == "none":
        return f"{_service(verdict)}: nothing is wrong"
    return f"{_service(verdict)}: {first.kind.replace('_', ' ')} at {words.name(first.entity)}"


def _service(verdict: Verdict) -> str:
    return words.name(verdict.symptom.entity)


def _head(verdict: Verdict) -> list[str]:
    symptom = verdict.symptom
    since = f", since {clock(symptom.since)}" if symptom.since else ""
    lines = [title(verdict), f"Users: {symptom.text}{since}"]
    first = verdict.first
    if first is None:
        lines.append(f"Abstained: {verdict.reason}.")
    else:
        lines.append(f"Cause ({100 * first.confidence:.0f} %): {first.explanation}")
        lines.append(f"Do: {first.remedy}")
    if verdict.ruled_out:
        cause = first.entity if first else ""
        others = (item.entity for item in verdict.ruled_out if item.entity != cause)
        names = dict.fromkeys(words.name(entity) for entity in others)
        lines.append(f"Ruled out: {', '.join(names)}")
    return lines


def _details(verdict: Verdict) -> list[str]:
    lines = [f"Verdict {verdict.id}"]
    for cause in verdict.causes:
        lines.append(_cause_line(cause))
        lines += [f"   {item.text}" for item in cause.evidence]
    if verdict.ruled_out:
        lines.append("ruled out:")
    lines += [f"   {words.name(item.entity)}: {item.why}" for item in verdict.ruled_out]
    lines += [f"blind: {item.source}: {item.gap}" for item in verdict.data_quality]
    return lines


def _cause_line(cause: Cause) -> str:
    since = f", since {clock(cause.since)}" if cause.since else ""
    return (
        f"{cause.rank}. {cause.kind} at {cause.entity}, "
        f"confidence {100 * cause.confidence:.0f} %{since}"
    )


def render_text(verdict: Verdict, width: int = 100) -> str:
    """The long form for a terminal, plain lines."""
    lines = [title(verdict), "", *_section("What users feel", _felt(verdict))]
    if verdict.abstained:
        lines += _section("No cause is named", [verdict.reason + "."])
    for cause in verdict.causes:
        lines += _section(_cause_line(cause), _cause_body(cause))
    lines += _section(
        "Ruled out", [f"{words.name(item.entity)}: {item.why}" for item in verdict.ruled_out]
    )
    lines += _section(
        "Data missing", [f"{item.source}: {item.gap}" for item in verdict.data_quality]
    )
    lines.append(f"verdict {verdict.id}, {verdict.inputs_digest[:19]}…")
    return "\n".join(_wrapped(lines, width)) + "\n"


def _felt(verdict: Verdict) -> list[str]:
    symptom, failed = verdict.symptom, verdict.impact.requests_failed
    since = f", since {clock(symptom.since)}" if symptom.since else ""
    lines = [f"{symptom.text}{since}"]
    if failed:
        lines.append(f"{failed:,.0f} requests failed so far")
    return lines


def _cause_body(cause: Cause) -> list[str]:
    return [
        cause.explanation,
        *(f"· {item.text}" for item in cause.evidence),
        f"path: {' → '.join(cause.path)}",
        f"do: {cause.remedy}",
    ]


def _section(heading: str, body: list[str]) -> list[str]:
    return [heading, *(f"   {line}" for line in body), ""] if body else []


def _wrapped(lines: list[str], width: int) -> list[str]:
    out = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        out += textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False) or [""]
    return out
