from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from alerts.config import RulesSection
from dashboards import words
from dashboards.config import DashboardsSection, Prices
from dashboards.panels import Dashboard
from dashboards.render import boards, documents
from exporters.errors import UsageError

PRICES = Prices(gpu_hour=Decimal("2.5"), kilowatt_hour=Decimal("0.3"))
BOARDS = boards(RulesSection(), PRICES)
RULES = RulesSection()
NAMES_ARE_NAMES = {"GPU", "MIG", "GPUs"}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.board.uid)
def test_every_text_of_a_dashboard_has_a_chinese_one(board: Dashboard):
    assert {text for text in words.texts(board) if text and text not in words.chinese()} == set()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.board.uid)
def test_every_signal_on_a_dashboard_is_explained_in_chinese(board: Dashboard):
    drawn = {signal.name for panel in board.panels for signal in panel.signals}

    assert drawn - words.meanings().keys() == set()


def test_no_chinese_text_is_left_over():
    said = {text for board in BOARDS for text in words.texts(board)}
    drawn = {signal.name for board in BOARDS for p in board.panels for signal in p.signals}

    assert words.chinese().keys() - said == set()
    assert words.meanings().keys() - drawn == set()


def test_chinese_texts_are_chinese_and_keep_what_grafana_fills_in():
    for english, chinese in words.chinese().items():
        assert english in NAMES_ARE_NAMES or re.search(r"[\u4e00-\u9fff]", chinese), english
        assert re.findall(r"\$\w+|`[^`]+`", english) == re.findall(r"\$\w+|`[^`]+`", chinese)


def test_both_languages_stand_beside_each_other_each_linked_within_itself():
    section = DashboardsSection(language="both")
    made = documents(section, RULES)

    assert {uid for uid in made if uid.endswith("-zh")} == {
        f"{uid}-zh" for uid in made if not uid.endswith("-zh")
    }
    english, chinese = made["busysignal-service"], made["busysignal-service-zh"]
    assert (english["title"], chinese["title"]) == ("Service overview", "服务总览")
    assert (english["tags"], chinese["tags"]) == (["busysignal"], ["busysignal-zh"])
    assert chinese["links"][0]["tags"] == ["busysignal-zh"]
    assert "/d/busysignal-replica-zh?" in str(chinese["panels"])
    assert "/d/busysignal-replica?" not in str(chinese["panels"])


def test_chinese_alone_has_the_uids_that_alerts_link_to():
    made = documents(DashboardsSection(language="zh"), RULES)

    assert "busysignal-service" in made
    assert made["busysignal-service"]["title"] == "服务总览"


def test_both_languages_ask_the_same():
    made = documents(DashboardsSection(language="both"), RULES)
    for uid in [uid for uid in made if not uid.endswith("-zh")]:
        for english, chinese in zip(made[uid]["panels"], made[f"{uid}-zh"]["panels"], strict=True):
            assert [target.get("expr") for target in english.get("targets", ())] == [
                target.get("expr") for target in chinese.get("targets", ())
            ]
            assert english["gridPos"] == chinese["gridPos"]


def test_a_text_without_chinese_is_refused_in_one_line():
    board = replace(BOARDS[0], about="Brand new.")

    with pytest.raises(
        UsageError, match=r"^no Chinese for 'Brand new\.'; add it to a table in words/$"
    ):
        words.translated(board)
