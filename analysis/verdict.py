"""The verdict: a closed, versioned JSON document; the same inputs give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from alerts.messages import Language
from exporters.catalog.kinds import KINDS

SCHEMA_ID: Literal["busysignal/verdict/1"] = "busysignal/verdict/1"
SCHEMA_PATH = Path(__file__).parent / "schema" / "verdict-1.json"


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is unknown; allowed: {', '.join(KINDS)}")
    return kind


Kind = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(KINDS)})
]


def significant(value: float) -> float:
    """Six significant digits: the order of a sum must not show in the bytes."""
    return float(f"{value:.6g}")


Number = Annotated[float, PlainSerializer(significant, return_type=float)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Part(BaseModel):
    """A part of the verdict: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(Part):
    """The window that was looked at, ns UTC; health before `start_ns`, the incident after."""

    baseline_ns: int
    start_ns: int
    end_ns: int


class AlertNote(Part):
    """The alert that asked."""

    name: str
    starts_ns: int
    labels: dict[str, str]
    summary: str


class SymptomNote(Part):
    """What users feel; `since` is null when they feel nothing."""

    entity: str
    signal: str
    since: int | None
    before: Number | None = None
    after: Number | None = None
    text: str


class Impact(Part):
    """What it cost so far; null where it was not measured."""

    requests_failed: Number | None = None
    requests_slow: Number | None = None
    users_minutes: Number | None = None
    gpu_seconds_wasted: Number | None = None
    money: Number | None = None
    currency: str | None = None


class EvidenceItem(Part):
    """One measured statement: where to look (query or link), before, after, how strongly."""

    type: Literal["metric", "trace", "log", "change"]
    text: str
    query: str | None = None
    link: str | None = None
    before: Number | None = None
    after: Number | None = None
    score: Number


class Cause(Part):
    """A named cause with its evidence and what to do."""

    rank: int = Field(ge=1)
    entity: str
    kind: Kind
    signal: str
    since: int | None
    confidence: Probability
    explanation: str
    evidence: list[EvidenceItem]
    path: list[str]
    remedy: str


class RuledOut(Part):
    """An entity that was looked at and is not it."""

    entity: str
    why: str


class DataQuality(Part):
    """A source that could not tell."""

    source: str
    gap: str


class ProposedRule(Part):
    """An alert rule that would have told of this cause, and when it would have fired before."""

    alert: str
    rule: str = Field(description="a rule file, as promtool checks it")
    says: str
    fired: list[int] = Field(description="starts of its firing in the time looked back on, ns UTC")
    looked_back_seconds: Number


class Verdict(Part):
    """One answer to one alert."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="BusySignal verdict")

    schema_: Literal["busysignal/verdict/1"] = Field(default=SCHEMA_ID, alias="schema")
    id: str
    created: str
    window: Span
    alert: AlertNote
    symptom: SymptomNote
    impact: Impact
    causes: list[Cause]
    ruled_out: list[RuledOut]
    abstained: bool
    reason: str
    data_quality: list[DataQuality]
    proposed_rule: ProposedRule | None = None
    inputs_digest: str
    language: Language = "en"
    seconds: float

    @property
    def first(self) -> Cause | None:
        """The cause at rank 1, if the verdict names one."""
        return None if self.abstained or not self.causes else self.causes[0]

    @property
    def result(self) -> Literal["named", "abstained", "none"]:
        """As counted in busysignal_verdicts."""
        if self.abstained:
            return "abstained"
        return "none" if self.first is None or self.first.kind == "none" else "named"

    def to_json(self) -> str:
        """The document, keys in the order of the schema."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Verdict:
        """Read a document; raises pydantic's ValidationError when it is none."""
        return cls.model_validate_json(text)


def schema_text() -> str:
    """The JSON schema as committed in `schema/`."""
    schema: dict[str, Any] = Verdict.model_json_schema(by_alias=True, mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
