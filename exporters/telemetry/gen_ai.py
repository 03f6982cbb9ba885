"""GenAI semantic conventions: version 1.36, or the latest where OpenTelemetry's opt-in asks for it.

`OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental` is the opt-in that the conventions
themselves define; the newer names then stand instead of the older ones.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.trace import Span, SpanKind, Tracer

from exporters.telemetry.harmless import harmless
from exporters.telemetry.spans import Opened, opened

OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
LATEST = "gen_ai_latest_experimental"
_RENAMED = {
    "gen_ai.system": "gen_ai.provider.name",
    "gen_ai.openai.request.service_tier": "openai.request.service_tier",
    "gen_ai.openai.response.service_tier": "openai.response.service_tier",
    "gen_ai.openai.response.system_fingerprint": "openai.response.system_fingerprint",
}
"""Version 1.36's names to those of 1.37 and later."""


def is_latest(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the opt-in, a list with commas between, names the latest GenAI conventions."""
    return LATEST in {word.strip() for word in environ.get(OPT_IN, "").split(",")}


def named(attributes: Mapping[str, Any], *, latest: bool | None = None) -> dict[str, Any]:
    """Name attributes, given under version 1.36's names, as the opt-in asks; None is left out."""
    is_new = is_latest() if latest is None else latest
    names = _RENAMED if is_new else {}
    return {names.get(key, key): value for key, value in attributes.items() if value is not None}


def inference_span(
    tracer: Tracer,
    operation: str,
    model: str,
    *,
    system: str,
    kind: SpanKind = SpanKind.INTERNAL,
    latest: bool | None = None,
    **parameters: Any,
) -> Opened:
    """The span of one call of a model, named `OPERATION MODEL` (`chat llama`).

    `kind` is INTERNAL for a model in this process, CLIENT for one behind a network. `parameters`
    are `gen_ai.request.*` (`max_tokens=16`). An exception that leaves the block is told.
    """

    def make() -> Opened:
        attributes = named(
            {
                "gen_ai.operation.name": operation,
                "gen_ai.system": system,
                "gen_ai.request.model": model,
                **{f"gen_ai.request.{key}": value for key, value in parameters.items()},
            },
            latest=latest,
        )
        return Opened(tracer.start_span(f"{operation} {model}", None, kind, attributes))

    return opened(make)


@harmless
def set_usage(
    span: Span,
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    response_model: str | None = None,
    response_id: str | None = None,
    finish_reasons: Sequence[str] | None = None,
) -> None:
    """Note what the answer says of itself; what is not known is left out."""
    told = {
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
        "gen_ai.response.model": response_model,
        "gen_ai.response.id": response_id,
        "gen_ai.response.finish_reasons": finish_reasons,
    }
    for key, value in told.items():
        if value is not None:
            span.set_attribute(key, value)


@harmless
def set_content(span: Span, *, messages: str, answer: str = "", latest: bool | None = None) -> None:
    """Note prompt and answer; they leave the process only where `[telemetry] content` is true."""
    if is_latest() if latest is None else latest:
        span.set_attribute("gen_ai.input.messages", messages)
        if answer:
            span.set_attribute("gen_ai.output.messages", answer)
        return
    span.add_event("gen_ai.user.message", {"content": messages})
    if answer:
        span.add_event("gen_ai.choice", {"content": answer})
