from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

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
        assert echo("12 documents are not spans: x") == "12 documents are not spans: x"

    assert echo("no metrics since 12:00:00 UTC") == "no metrics since 12:00:00 UTC"


def test_no_space_is_left_between_chinese_characters():
    with speaking("zh"):
        assert say("{entity} logs for the first time: {statement}", entity="网关",
                   statement="KeyError") == "网关首次出现日志：KeyError"  # fmt: skip
        assert words.name("replica/r1") == "副本 r1"
