from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analysis import words
from analysis.language import PLACE, echo, say, sentences, speaking
from analysis.quantities import QUANTITIES
from analysis.rootcause.hypotheses import HYPOTHESES
from exporters.catalog.kinds import KINDS

CHINESE = re.compile(r"[一-鿿]")


@pytest.mark.parametrize("english", sentences())
def test_both_languages_have_the_same_places(english):
    assert Counter(PLACE.findall(english)) == Counter(PLACE.findall(sentences()[english]))


def test_every_claim_and_every_quantity_has_chinese_words():
    wanted = {one.claim for one in HYPOTHESES} | {one.words for one in QUANTITIES}

    assert wanted - sentences().keys() == set()


def test_every_kind_of_cause_has_a_chinese_headline_and_remedy():
    with speaking("zh"):
        for kind in KINDS:
            assert re.search(r"[一-鿿]", words.cause(kind))
            assert CHINESE.search(words.remedy(kind))


def test_a_language_lasts_for_a_block_and_a_thread():
    with speaking("zh"), ThreadPoolExecutor(1) as elsewhere:
        assert say("clients") == "客户端"
        assert elsewhere.submit(say, "clients").result() == "clients"

    assert say("clients") == "clients"


def test_what_nobody_translated_is_said_in_english():
    with speaking("zh"):
        assert say("a new sentence about {entity}", entity="r1") == "a new sentence about r1"


def test_what_others_finished_in_english_is_said_in_chinese_where_it_is_known():
    with speaking("zh"):
        assert echo("no metrics since 12:00:00 UTC") == "自 12:00:00 UTC 起没有指标"
        assert echo("a strange thing happened: x") == "a strange thing happened: x"

    assert echo("no metrics since 12:00:00 UTC") == "no metrics since 12:00:00 UTC"


def test_no_space_is_left_between_chinese_characters():
    with speaking("zh"):
        assert say("{entity} logs for the first time: {statement}", entity="网关",
                   statement="KeyError") == "网关首次出现日志：KeyError"  # fmt: skip
        assert words.name("replica/r1") == "副本 r1"


ANALYSIS = Path(__file__).parents[2] / "analysis"
SAYING = ("say",)
GAPS = ("Gap", "_state")
"""Calls whose last words are those of a gap."""
PLACE_IN_CODE = re.compile(r"\{[^}]*\}")
INNER = "no metrics {since}"
"""Its place is filled with words of its own; both wholes are in the table."""


def calls(names: tuple[str, ...]) -> Iterator[ast.Call]:
    for path in sorted(ANALYSIS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if called in names:
                    yield node


def sentence(node: ast.expr) -> str:
    """The text of a literal, with `{place}` for what is filled in; "" where it is no literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(
        part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
        for part in node.values
    )


def test_every_sentence_that_the_analysis_says_has_chinese_words():
    told = {sentence(node.args[0]) for node in calls(SAYING)} - {""}

    assert len(told) > 60
    assert told - sentences().keys() == set()


def test_every_gap_that_a_source_can_state_is_said_in_chinese():
    told = {sentence(node.args[-1]) for node in calls(GAPS)} - {"", INNER}
    filled = {PLACE_IN_CODE.sub("7", one.replace("{kind}", "spans")) for one in told}

    assert len(filled) > 15
    with speaking("zh"):
        assert {one for one in filled if not CHINESE.search(echo(one))} == set()


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("3 of the queries did not answer in time", "3 个查询没有按时返回"),
        ("12 documents are not spans: no trace id", "12 个文档不是 span：no trace id"),
        ("not configured: none were read", "未配置：没有读取"),
        ("4.2% of the traces were read, chosen by their ids: 90 spans",
         "按 id 抽样读取了 4.2% 的 trace：90 个 span"),
    ],
)  # fmt: skip
def test_a_gap_keeps_its_figures_in_chinese(english: str, chinese: str):
    with speaking("zh"):
        assert echo(english) == chinese
