"""Fixed words of runbooks and pages, and the kinds of cause, by language."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from exporters.catalog.kinds import KINDS, Kind
from exporters.errors import UsageError

if TYPE_CHECKING:
    from alerts.messages import Language

FOLDER = Path(__file__).parent
ACRONYMS = {"cpu", "gpu", "kv"}
Area = Literal["runbooks", "pages"]


@cache
def words(area: Area, language: Language) -> dict[str, str]:
    """The fixed words of an area by their keys."""
    found: dict[str, str] = _read(area)[language]
    return found


@cache
def kind(name: str, language: Language) -> Kind:
    """A kind of cause with its meaning and remedy; raises UsageError when nobody translated it."""
    if language == "en":
        return KINDS[name]
    table = _read("kinds")
    if name not in table:
        raise UsageError(
            f"the cause {name} has no words in {language!r}; write [{name}] with title, means and "
            "remedy in alerts/messages/words/kinds.toml"
        )
    return Kind(name, table[name]["means"], table[name]["remedy"])


def kind_title(name: str, language: Language) -> str:
    """A kind of cause in a headline: slow replica."""
    if language == "en":
        return " ".join(word.upper() if word in ACRONYMS else word for word in name.split("_"))
    title: str = _read("kinds")[name]["title"]
    return title


@cache
def _read(area: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{area}.toml").read_text(encoding="utf-8"))
