"""Whether the outcome that a fault declares really came: pure, from the page and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Verdict = Mapping[str, Any]
"""A verdict as `busysignal watch` writes it: JSON of the committed schema."""


@dataclass(frozen=True)
class Declared:
    """What must come of a fault: a page or none, and which verdict."""

    page: bool
    kind: str = ""
    entities: frozenset[str] = frozenset()
    abstains: bool = False

    def __str__(self) -> str:
        if not self.page:
            return "no page"
        where = " or ".join(sorted(self.entities))
        return f"abstains for lack of {where}" if self.abstains else f"{self.kind} at {where}"


@dataclass(frozen=True)
class Outcome:
    """One run in one line: what was injected, expected and named, and how long it took."""

    fault: str
    seed: int
    expected: str
    named: str
    rank: int | None
    page_seconds: float | None
    verdict_seconds: float | None
    met: bool
    why: str
    peak_bytes: int = 0
    seconds: float = 0.0
    engine: str = "tiny"

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


def judge(declared: Declared, *, paged: bool, verdict: Verdict | None) -> str:
    """Say in words why the declared outcome did not come; "" if it came."""
    if not declared.page:
        return "it paged although nothing was wrong" if paged else ""
    if not paged:
        return "no page came"
    if verdict is None:
        return "the page came, no verdict did"
    if declared.abstains:
        return _abstained(declared, verdict)
    return _named(declared, verdict)


def named(verdict: Verdict | None) -> str:
    """What the verdict says, short enough for a table."""
    if verdict is None:
        return "–"
    if verdict["abstained"]:
        gaps = ", ".join(sorted({gap["source"] for gap in verdict["data_quality"]}))
        return f"abstains ({gaps or 'no gap named'})"
    first = verdict["causes"][0]
    return f"{first['kind']} at {first['entity']}"


def rank_of(declared: Declared, verdict: Verdict | None) -> int | None:
    """At which rank the verdict names the declared cause; None if it does not."""
    causes = verdict["causes"] if verdict else []
    return next((cause["rank"] for cause in causes if _is_declared(declared, cause)), None)


def _abstained(declared: Declared, verdict: Verdict) -> str:
    if not verdict["abstained"]:
        return f"the verdict names {named(verdict)} and should abstain"
    missing = {gap["source"] for gap in verdict["data_quality"]}
    if missing & declared.entities:
        return ""
    lacked = " or ".join(sorted(declared.entities))
    said = ", ".join(sorted(missing)) or "nothing"
    return f"the verdict abstains and names {said} as missing, not {lacked}"


def _named(declared: Declared, verdict: Verdict) -> str:
    if verdict["abstained"]:
        return f"the verdict {named(verdict)}"
    if _is_declared(declared, verdict["causes"][0]):
        return ""
    return f"the verdict names {named(verdict)}"


def _is_declared(declared: Declared, cause: Mapping[str, Any]) -> bool:
    return cause["kind"] == declared.kind and cause["entity"] in declared.entities
