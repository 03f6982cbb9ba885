"""The page as HTML text: no script, nothing loaded, readable on a phone and in print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from analysis import cost, words
from analysis.evidence import Evidence
from analysis.health import clock
from analysis.language import say, speaking
from analysis.page import title
from analysis.report.parts import Figures, log_templates, moments
from analysis.report.style import STYLE
from analysis.similar import Similar, moment
from analysis.verdict import Cause, Verdict

FIRED = 10
CHARTS = 4
"""Charts of one cause: the statements that weigh most come first."""


LANG = {"en": "en", "zh": "zh-CN"}


def page(evidence: Evidence, verdict: Verdict, similar: Sequence[Similar] = ()) -> str:
    """The whole file, in the language that the verdict was given in."""
    with speaking(verdict.language):
        return _page(evidence, verdict, similar)


def _page(evidence: Evidence, verdict: Verdict, similar: Sequence[Similar]) -> str:
    figures = Figures(evidence, verdict)
    symptom = (verdict.symptom.entity, verdict.symptom.signal, "")
    sections = [
        _head(verdict),
        _section(say("What users feel"), figures.draw(symptom)),
        *(_cause(cause, figures) for cause in verdict.causes),
        _section(say("In order of time"), _timeline(evidence, verdict)),
        _section(say("Seen before"), _list(one.text for one in similar)),
        _section(say("Ruled out"), _list(_named(o.entity, o.why) for o in verdict.ruled_out)),
        _section(say("Warnings and errors in the logs"), _templates(evidence)),
        _section(say("What could not be read"), _list(_quality(verdict))),
        _section(say("A rule that would have told"), _rule(verdict)),
        _foot(verdict),
    ]
    name = escape(title(verdict))
    return (
        f'<!doctype html><html lang="{LANG[verdict.language]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _head(verdict: Verdict) -> str:
    first, symptom = verdict.first, verdict.symptom
    felt = f"{symptom.text}{_since(symptom.since)}"
    lines = [f"<h1>{escape(title(verdict))}</h1>", _row(say("Users"), felt)]
    if first is None:
        lines.append(_row(say("No cause"), verdict.reason))
    else:
        sure = say("Cause, {confidence} %", confidence=f"{100 * first.confidence:.0f}")
        lines += [_row(sure, first.explanation), _row(say("Do"), first.remedy)]
    if spent := cost.told(verdict.impact):
        lines.append(_row(say("Cost so far"), spent))
    return f"<header>{''.join(lines)}</header>"


def _row(name: str, text: str) -> str:
    return f"<p><b>{escape(name)}</b> {escape(text)}</p>"


def _cause(cause: Cause, figures: Figures) -> str:
    charts = dict.fromkeys(filter(None, (figures.of(item) for item in cause.evidence)))
    rows = "".join(
        f"<tr><td>{escape(item.text)}{_query(item.query)}</td><td>{item.score:.2f}</td></tr>"
        for item in cause.evidence
    )
    head = f"<tr><th>{escape(say('evidence'))}</th><th>{escape(say('weight'))}</th></tr>"
    table = f"<table>{head}{rows}</table>" if rows else ""
    path = " → ".join(words.name(entity) for entity in cause.path)
    name = say(
        "{rank}. {kind} at {entity}, {confidence} %{since}",
        rank=str(cause.rank), kind=words.cause(cause.kind), entity=words.name(cause.entity),
        confidence=f"{100 * cause.confidence:.0f}", since=_since(cause.since),
    )  # fmt: skip
    body = (
        f"<p>{escape(cause.explanation)}</p>{''.join(list(charts)[:CHARTS])}{table}"
        f"{_row(say('Path'), path)}{_row(say('Do'), cause.remedy)}"
    )
    return _section(name, body)


def _since(moment: int | None) -> str:
    return say(", since {clock}", clock=clock(moment)) if moment else ""


def _query(query: str | None) -> str:
    if query is None:
        return ""
    name = escape(say("query"))
    return f"<details><summary>{name}</summary><code>{escape(query)}</code></details>"


def _timeline(evidence: Evidence, verdict: Verdict) -> str:
    return _list(f"{clock(one.ts_ns)}  {one.text}" for one in moments(evidence, verdict))


def _templates(evidence: Evidence) -> str:
    return _list(f"{count}× {template}" for count, template in log_templates(evidence))


def _quality(verdict: Verdict) -> Iterable[str]:
    return [say("{source}: {gap}", source=o.source, gap=o.gap) for o in verdict.data_quality]


def _named(entity: str, why: str) -> str:
    return say("{entity}: {change}", entity=words.name(entity), change=why)


def _list(items: Iterable[str]) -> str:
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""


def _section(name: str, body: str) -> str:
    return f"<section><h2>{escape(name)}</h2>{body}</section>" if body else ""


def _foot(verdict: Verdict) -> str:
    legend = say(
        "Grey lines are sisters; the shade is health; upright lines: orange when users feel it, "
        "red the alert, violet a change."
    )
    asked = say("Was it right? {confirm}, or {reject}.", confirm="\1", reject="\2")
    confirm = f"<code>busysignal verdict confirm {escape(verdict.id)}</code>"
    reject = f"<code>busysignal verdict reject {escape(verdict.id)} --cause KIND@ENTITY</code>"
    asked = escape(asked).replace("\1", confirm).replace("\2", reject)
    return (
        f"<footer><p>{escape(legend)} {asked}</p>"
        f"<p>{escape(verdict.id)} · {escape(verdict.created)} · "
        f"{escape(verdict.inputs_digest)}</p></footer>"
    )


def _rule(verdict: Verdict) -> str:
    rule = verdict.proposed_rule
    if rule is None:
        return ""
    fired = ", ".join(moment(at) for at in rule.fired[-FIRED:])
    return f"<p>{escape(rule.says)}: {escape(fired)}.</p><pre>{escape(rule.rule)}</pre>"
