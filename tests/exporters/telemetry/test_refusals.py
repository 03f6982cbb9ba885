"""What the answer to each item of a bulk request means for its document."""

from __future__ import annotations

import json
from collections.abc import Sequence

import httpx
import pytest

from exporters.telemetry.document import Line
from exporters.telemetry.elasticsearch import ElasticsearchSink
from exporters.telemetry.sink import Outcome, Trouble


def lines(count: int) -> list[Line]:
    return [Line("span", "traces-a-b", str(number), b"{}") for number in range(count)]


def refused(status: int, kind: str) -> dict[str, object]:
    return {"status": status, "error": {"type": kind, "reason": "no"}}


def answered(section, items: Sequence[object]) -> Outcome:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/_bulk"):
            return httpx.Response(200, content=json.dumps({"errors": True, "items": items}))
        return httpx.Response(200, json={})

    sink = ElasticsearchSink(section())
    sink.client.close()
    sink.client = sink._retention._client = httpx.Client(
        base_url="http://es/", transport=httpx.MockTransport(answer)
    )
    outcome = sink.write(lines(len(items)))
    sink.close()
    return outcome


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "security_exception"),
        (403, "security_exception"),
        (403, "cluster_block_exception"),
        (404, "index_not_found_exception"),
    ],
)
def test_what_the_server_will_not_take_now_waits_and_is_no_poison(section, status, kind):
    outcome = answered(section, [{"create": {"status": 201}}, {"create": refused(status, kind)}])

    assert (["0"], ["1"], []) == (
        [line.id for line in outcome.written],
        [line.id for line in outcome.later],
        outcome.poison,
    )
    assert {"traces-a-b": Trouble("away", f"HTTP {status}: {kind}: no")} == outcome.blocked
    assert outcome.trouble is None, "another index may be as well as ever"


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "document_parsing_exception"), (413, "content_too_long")]
)
def test_what_the_server_will_never_take_is_poison_and_no_trouble(section, status, kind):
    outcome = answered(section, [{"create": refused(status, kind)}])

    assert ["0"] == [line.id for line, _ in outcome.poison]
    assert (None, {}, []) == (outcome.trouble, outcome.blocked, outcome.later)


@pytest.mark.parametrize("item", [{"index": {"status": 201}}, {"create": {}}, "odd"])
def test_an_item_that_is_none_of_elasticsearchs_sends_all_to_wait_once(section, item):
    outcome = answered(section, [{"create": {"status": 201}}, item])

    assert outcome.trouble is not None
    assert ("away", ["0", "1"], []) == (
        outcome.trouble.kind, [line.id for line in outcome.later], outcome.written,
    )  # fmt: skip
