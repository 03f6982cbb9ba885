"""Whatever an endpoint writes, the canary has a word for it and never fails itself."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporters.catalog.canary import OUTCOMES
from inference_probe.canary import TargetSection
from inference_probe.canary.answer import Answer
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.refusal import MAX_DETAIL, MAX_REASON, reason_and_detail

TARGET = TargetSection(name="chat", url="http://x", model="tiny")

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
KEYS = st.sampled_from(
    ["choices", "model", "usage", "error", "delta", "text", "finish_reason", "content", "code",
     "completion_tokens", "message", "type", "tool_calls", "detail"]
)  # fmt: skip
NEARLY_RIGHT = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def judged(*events: str) -> Attempt:
    answer = Answer(TARGET)
    for data in events:
        answer.take(data)
    attempt = Attempt("chat", "tiny")
    answer.judge(attempt)
    return attempt


@given(st.lists(st.text(), max_size=4))
def test_text_that_is_no_answer_is_named(events: list[str]) -> None:
    assert judged(*events).outcome in OUTCOMES


@given(st.lists(NEARLY_RIGHT | ANY_JSON, max_size=4), st.booleans())
def test_json_that_is_nearly_an_answer_is_named(documents: list[Any], is_done: bool) -> None:
    events = [json.dumps(document) for document in documents]

    attempt = judged(*events, *(["[DONE]"] if is_done else []))

    assert attempt.outcome in OUTCOMES
    assert attempt.outcome != "ok" or (attempt.tokens or 0) > 0


@given(st.binary() | ANY_JSON.map(lambda document: json.dumps(document).encode()))
def test_every_refusal_has_a_reason_fit_for_a_label(body: bytes) -> None:
    reason, detail = reason_and_detail(body)

    assert reason
    assert len(reason) <= MAX_REASON
    assert set(reason) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert detail is None or len(detail) <= MAX_DETAIL
