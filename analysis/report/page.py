"""The page as HTML text: no script, nothing loaded, readable on a phone and in print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from analysis import cost, words
from analysis.evidence import Evidence
from analysis.health import clock
from analysis.page import title
from analysis.report.parts import Figures, log_templates, moments
from analysis.report.style import STYLE
from analysis.similar import Similar, moment
from analysis.verdict import Cause, Verdict

FIRED = 10
CHARTS = 4
"""Charts of one cause: the statements that weigh most come first."""


def page(evidence: Evidence, verdict: Verdict, similar: Sequence[Similar] = ()) -> str:
    """The whole file."""
    figures = Figures(evidence, verdict)
    symptom = (verdict.symptom.entity, verdict.symptom.signal, "")
    sections = [
        _head(verdict),
        _section("What users feel", figures.draw(symptom)),
        *(_cause(cause, figures) for cause in verdict.causes),
        _section("In order of time", _timeline(evidence, verdict)),
        _section("Seen before", _list(one.text for one in similar)),
        _section("Ruled out", _list(_named(o.entity, o.why) for o in verdict.ruled_out)),
        _section("Warnings and errors in the logs", _templates(evidence)),
        _section("What could not be read", _list(_quality(evidence, verdict))),
        _section("A rule that would have told", _rule(verdict)),
        _foot(verdict),
    ]
    name = escape(title(verdict))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _head(verdict: Verdict) -> str:
    first, symptom = verdict.first, verdict.symptom
    since = f", since {clock(symptom.since)}" if symptom.since else ""
    lines = [f"<h1>{escape(title(verdict))}</h1>", _row("Users", f"{symptom.text}{since}")]
    if first is None:
        lines.append(_row("No cause", f"{verdict.reason}."))
    else:
        lines.append(_row(f"Cause, {100 * first.confidence:.0f} %", first.explanation))
        lines.append(_row("Do", first.remedy))
    if spent := cost.told(verdict.impact):
        lines.append(_row("Cost so far", spent))
    return f"<header>{''.join(lines)}</header>"


def _row(name: str, text: str) -> str:
    return f"<p><b>{escape(name)}</b> {escape(text)}</p>"


def _cause(cause: Cause, figures: Figures) -> str:
    charts = dict.fromkeys(filter(None, (figures.of(item) for item in cause.evidence)))
    rows = "".join(
        f"<tr><td>{escape(item.text)}{_query(item.query)}</td><td>{item.score:.2f}</td></tr>"
        for item in cause.evidence
    )
    table = f"<table><tr><th>evidence</th><th>weight</th></tr>{rows}</table>" if rows else ""
    path = " → ".join(words.name(entity) for entity in cause.path)
    since = f", since {clock(cause.since)}" if cause.since else ""
    name = f"{cause.rank}. {cause.kind.replace('_', ' ')} at {words.name(cause.entity)}"
    body = (
        f"<p>{escape(cause.explanation)}</p>{''.join(list(charts)[:CHARTS])}{table}"
        f"{_row('Path', path)}{_row('Do', cause.remedy)}"
    )
    return _section(f"{name}, {100 * cause.confidence:.0f} %{since}", body)


def _query(query: str | None) -> str:
    if query is None:
        return ""
    return f"<details><summary>query</summary><code>{escape(query)}</code></details>"


def _timeline(evidence: Evidence, verdict: Verdict) -> str:
    return _list(f"{clock(one.ts_ns)}  {one.text}" for one in moments(evidence, verdict))


def _templates(evidence: Evidence) -> str:
    return _list(f"{count}× {template}" for count, template in log_templates(evidence))


def _quality(evidence: Evidence, verdict: Verdict) -> Iterable[str]:
    return [f"{one.source}: {one.gap}" for one in verdict.data_quality]


def _named(entity: str, why: str) -> str:
    return f"{words.name(entity)}: {why}"


def _list(items: Iterable[str]) -> str:
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""


def _section(name: str, body: str) -> str:
    return f"<section><h2>{escape(name)}</h2>{body}</section>" if body else ""


def _foot(verdict: Verdict) -> str:
    call = f"busysignal verdict confirm {verdict.id}"
    return (
        "<footer><p>Grey lines are sisters; the shade is health. Was it right? "
        f"<code>{escape(call)}</code>, or <code>reject</code> with "
        "<code>--cause KIND@ENTITY</code>.</p>"
        f"<p>{escape(verdict.id)} · {escape(verdict.created)} · "
        f"{escape(verdict.inputs_digest)}</p></footer>"
    )


def _rule(verdict: Verdict) -> str:
    rule = verdict.proposed_rule
    if rule is None:
        return ""
    fired = ", ".join(moment(at) for at in rule.fired[-FIRED:])
    return f"<p>{escape(rule.says)}: {escape(fired)}.</p><pre>{escape(rule.rule)}</pre>"
