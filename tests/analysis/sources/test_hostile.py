"""Documents that nobody meant to write: read, or counted by the reason, never a crash."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sources.shapes import log_frame, reader, span_frame
from analysis.sources.values import Hit

NAMES = st.sampled_from(sorted({
    name.strip("!.")
    for shape in reader().shapes
    for groups in (shape.marks, shape.span, shape.ignored)
    for group in groups
    for name in group
} | {
    candidate.field or candidate.tree
    for shape in reader().shapes
    for columns in (shape.spans, shape.logs)
    for candidates in columns.values()
    for candidate in candidates
} | {"tags", "process.tags", "references", "", ".", "a..b"}))  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["2026-11-23T10:00:00Z", "1795428001700.63655", "ok", "9" * 30, "NaN", "-1",
                     "2026-02-31T10:00:00Z", "\ud800", "²", "1e308"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(NAMES, st.text(max_size=5)), inner, max_size=4),
        st.fixed_dictionaries({"key": st.text(max_size=4), "value": inner}),
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.one_of(NAMES, st.text(max_size=6)), VALUES, max_size=9)


@settings(max_examples=250, deadline=None)
@given(documents=st.lists(DOCUMENTS, max_size=3))
def test_no_document_of_any_form_is_a_crash(documents):
    hits = [Hit("i", str(number), each) for number, each in enumerate(documents)]

    spans, _ = span_frame(hits)
    logs, _ = log_frame(hits)

    assert spans.height <= len(hits)
    assert logs.height <= len(hits)
    assert spans["ts_ns"].null_count() == logs["ts_ns"].null_count() == 0
    assert (spans["duration_ns"].drop_nulls() >= 0).all()


@pytest.mark.parametrize("depth", [39, 400])
def test_a_document_that_nests_without_end_is_read_as_deep_as_is_sane(depth):
    document: dict = {"end": 1}
    for _ in range(depth):
        document = {"a": document}
    span = {"@timestamp": "1.0", "trace_id": "a", "span_id": "b", "name": "x", "resource": {}}

    frame, problems = span_frame([Hit("i", "0", span | {"attributes": document})])

    assert not problems
    assert ("end" in frame["attributes"][0]) == (depth < 40)


def test_a_hundred_thousand_names_of_attributes_are_read():
    told = {f"a{number}": number for number in range(100_000)}
    span = {"@timestamp": "1.0", "trace_id": "a", "span_id": "b", "name": "x", "attributes": told}

    frame, _ = span_frame([Hit("i", "0", span)])

    assert told == json.loads(frame["attributes"][0])


def test_a_megabyte_of_text_is_kept_whole():
    text = "x" * 2**20

    frame, _ = log_frame([Hit("i", "0", {"@timestamp": "1.0", "body": {"text": text}})])

    assert [text] == frame["body"].to_list()
