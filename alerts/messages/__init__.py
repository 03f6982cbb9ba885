"""What alerts say, in every language, from one table: a TOML file for each area.

In a message `{limit}` stands for a value that the alert brings along, and `{{ … }}` is a template
that Prometheus fills in when the alert fires.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exporters.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alerts.model import Alert

Language = Literal["en", "zh"]
Languages = Literal["en", "zh", "both"]
"""Which language annotations are written in; with both, Chinese ones end in `_zh`."""

LANGUAGES: tuple[Language, ...] = get_args(Language)
FOLDER = Path(__file__).parent
PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")


class Message(BaseModel):
    """The words of one alert in one language.

    `summary` never changes, `description` is a template; `means` and `first`, what to do first,
    stand in the runbook.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: str = Field(min_length=1)
    description: str = Field(min_length=1)
    means: str = Field(min_length=1)
    first: tuple[str, ...] = Field(min_length=1)

    def filled(self, alert: str, values: Mapping[str, str]) -> Message:
        """The same words with the alert's values in their places."""

        def fill(text: str) -> str:
            for name in sorted(set(PLACE.findall(text)) - values.keys()):
                known = ", ".join(sorted(values)) or "none"
                raise UsageError(
                    f"the message of {alert} has a place {{{name}}} and the alert brings no such "
                    f"value; it brings {known}: add it to the alert's `values`"
                )
            return PLACE.sub(lambda place: values[place[1]], text)

        return Message(
            summary=fill(self.summary),
            description=fill(self.description),
            means=fill(self.means),
            first=tuple(map(fill, self.first)),
        )


def message(alert: Alert, language: Language) -> Message:
    """What the alert says; raises UsageError when nobody wrote it."""
    written = table().get(alert.name, {})
    if language not in written:
        raise UsageError(
            f"alert {alert.name} has no words in {language!r}; write [{alert.name}.{language}] "
            "with summary, description, means and first in a file of alerts/messages"
        )
    return written[language].filled(alert.name, alert.values)


def check(alerts: Iterable[Alert]) -> None:
    """Refuse an alert that cannot speak every language."""
    for alert in alerts:
        for language in LANGUAGES:
            message(alert, language)


def as_annotations(alert: Alert, languages: Languages) -> dict[str, str]:
    """Summary and description as annotations of a rule."""
    if languages != "both":
        said = message(alert, languages)
        return {"summary": said.summary, "description": said.description}
    chinese = message(alert, "zh")
    return {
        **as_annotations(alert, "en"),
        "summary_zh": chinese.summary,
        "description_zh": chinese.description,
    }


@cache
def table() -> dict[str, dict[Language, Message]]:
    """Every message by alert and language."""
    found: dict[str, dict[Language, Message]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for name, written in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in found:
                raise UsageError(f"{path.name}: [{name}] stands in another file, too; keep one")
            found[name] = {language: _read(path, name, language, written) for language in written}
    return found


def _read(path: Path, name: str, language: str, written: Mapping[str, object]) -> Message:
    where = f"{path.name}: [{name}.{language}]"
    if language not in LANGUAGES:
        raise UsageError(f"{where} is in no known language; allowed: {', '.join(LANGUAGES)}")
    try:
        return Message.model_validate(written[language])
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"]))
        raise UsageError(f"{where} {field}: {problem['msg']}") from None
