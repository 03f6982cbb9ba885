"""Templates of what Alertmanager itself sends: a title and a text in every language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from alerts.messages import LANGUAGES
from alerts.messages.words import words

if TYPE_CHECKING:
    from alerts.messages import Language

FILE = "busysignal.tmpl"
MADE_BY = "{{/* Made by `busysignal rules`; change the code or the config, not this file. */}}\n"
LISTED = 3
"""Alerts that are told in full; a phone shows no more."""
TOLD = (
    "{{- $told := .Alerts.Firing }}"
    '{{- if eq .Status "resolved" }}{{ $told = .Alerts.Resolved }}{{ end }}'
)
TEMPLATE = """
{{ define "<name>.title" -}}
<told>
{{- if eq .Status "firing" }}[<firing>]{{ else }}[<resolved>]{{ end }}
{{- with .GroupLabels.service }} {{ . }}:{{ end }}
{{- with index $told 0 }} <summary>{{ end }}
{{- if gt (len $told) 1 }}<more>{{ end }}
{{- end }}

{{ define "<name>.text" -}}
<told>
{{- range $place, $alert := $told }}
{{- if lt $place <listed> }}<description>
{{ end }}
{{- end }}
{{- with index $told 0 }}
{{- with .Annotations.dashboard_url }}<dashboard>{{ . }}
{{ end }}<runbook><runbook_url>
{{- end }}
{{- end }}
"""


def templates() -> str:
    """The template file: `busysignal.en.title`, `busysignal.en.text`, and the same for `zh`."""
    return MADE_BY + "".join(_language(language) for language in LANGUAGES)


def _language(language: Language) -> str:
    said = words("pages", language)
    more = said["more"].format(count="{{ len (slice $told 1) }}")
    filled = {
        "name": f"busysignal.{language}",
        "told": TOLD,
        "listed": str(LISTED),
        "summary": _either("summary", language),
        "description": _either("description", language),
        "runbook_url": _either("runbook_url", language),
        **said,
        "more": more,
    }
    return re.sub(r"<(\w+)>", lambda place: filled[place[1]], TEMPLATE)


def _either(annotation: str, language: Language) -> str:
    """The annotation in the language, else the plain one: it may be the only one there is."""
    plain = f".Annotations.{annotation}"
    if language == "en":
        return f"{{{{ {plain} }}}}"
    return f"{{{{ or .Annotations.{annotation}_{language} {plain} }}}}"
