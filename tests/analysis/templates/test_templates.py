from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.templates import TemplateMiner, changes
from analysis.templates.miner import OTHER


def mined(*lines):
    miner = TemplateMiner()
    miner.learn(lines)
    return miner


def templates(*lines):
    miner = mined(*lines)
    return [miner.template(line) for line in lines]


def test_lines_of_one_statement_have_one_template():
    found = templates("request 17 took 3.2 ms", "request 18 took 110 ms", "cache miss for key a1")

    assert found == ["request <*> took <*>", "request <*> took <*>", "cache miss for key <*>"]


def test_a_quantity_is_a_value_in_whatever_unit_it_comes():
    found = templates("sent 17 bytes to 10.0.0.7:80", "sent 3 KB (3072 bytes) to 10.0.0.8:80")

    assert len(set(found)) == 1


def test_words_that_take_many_values_are_values_and_few_are_statements():
    users = [f"login of {name}" for name in ("ann", "bob", "cid", "dan", "eve")]
    states = [f"disk {state} at last" for state in ("full", "free")]

    assert set(templates(*users, *states)) == {
        "login of <*>",
        "disk full at last",
        "disk free at last",
    }


def test_a_value_that_is_missing_is_still_a_value():
    assert len(set(templates("from 1.2.3.4 (host7.example)", "from 1.2.3.5 ()"))) == 1


def test_the_same_digits_elsewhere_change_nothing():
    assert len(set(templates("block blk_1 at 5", "block blk_-99 at 77"))) == 1


def test_chinese_lines_have_templates_without_spaces():
    found = templates(
        "用户123登录失败，原因：超时", "用户4登录失败，原因：超时", "服务繁忙，请稍后重试"
    )

    assert found[0] == found[1] != found[2]


def test_json_bodies_are_known_by_their_message_and_traces_by_their_first_line():
    miner = mined('{"level": "error", "message": "queue 7 is full"}', "queue 9 is full")
    trace = "ValueError: no\n  File x, line 3\n  File y, line 9"

    assert list(miner.counts()) == ["queue <*> is full"]
    assert mined(trace).counts() == mined("ValueError: no").counts()


def test_parameters_are_what_stands_in_the_open_places():
    miner = mined("request 17 took 3.2 ms", "request 18 took 110 ms")

    assert miner.parameters("request 42 took 7 s") == ["42", "7 s"]


def test_a_line_like_nothing_learned_is_other():
    assert mined("request 17 took 3 ms").template("hello") == OTHER


def test_a_state_goes_through_json_and_goes_on():
    first = mined("request 17 took 3 ms", "cache miss for key a1")

    second = TemplateMiner.restored(json.loads(json.dumps(first.state())))
    second.learn(["request 9 took 9 ms"])

    assert second.counts() == {"request <*> took <*>": 2, "cache miss for key <*>": 1}


def test_a_state_of_another_make_is_refused():
    with pytest.raises(ValueError, match="version 1: 7"):
        TemplateMiner.restored({"version": 7})


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"shapes": [[["a"], 1]]},
        {"shapes": 5, "dropped": 0},
        {"shapes": [["abc", 1]], "dropped": 0},
        {"shapes": [[["a"], -5]], "dropped": 0},
        {"shapes": [[["a", 7], 1]], "dropped": 0},
        {"shapes": [[["a"], 1]], "dropped": "some"},
    ],
)
def test_a_damaged_state_is_refused(damaged):
    with pytest.raises(ValueError, match="damaged"):
        TemplateMiner.restored({"version": 1, **damaged})


def test_what_is_no_state_is_refused():
    with pytest.raises(ValueError, match="version 1"):
        TemplateMiner.restored([])


def test_a_state_of_a_larger_miner_is_cut_to_the_bound():
    first = mined(*(f"{'ab' * n} x" for n in range(1, 60)), "cd y", "cd y")

    second = TemplateMiner.restored(first.state(), max_shapes=10)

    assert len(second.state()["shapes"]) <= 10
    assert sum(second.counts().values()) == 61
    assert second.counts()["cd y"] == 2


def test_memory_stays_bounded_and_nothing_is_uncounted():
    chance = random.Random(1)
    miner = TemplateMiner(max_shapes=100, max_letters=500)
    letters = "abcdefghij"

    miner.learn(" ".join(chance.choices(letters, k=8)) for _ in range(5000))

    assert len(miner.state()["shapes"]) <= 100
    assert sum(miner.counts().values()) == 5000


def test_a_line_of_a_megabyte_costs_no_more_than_its_beginning():
    assert mined("x" * 1_000_000).counts() == {"x" * 4096: 1}


@pytest.mark.parametrize(
    "line",
    ["-" * 5000, "-." * 3000, "1:" * 3000, "1." * 3000, '"' * 5000, "(" * 5000, "a 1 " * 2000,
     "错误" * 3000, "{" + '"a":{' * 900, b"\xff\xfe" * 400_000, "\x01\x02" * 3000, "1 s (" * 1000],
)  # fmt: skip
def test_no_line_is_looked_at_over_and_over(line):
    began = time.process_time()
    miner = mined(*[line] * 3)

    assert len(miner.parameters(line)) >= 0
    assert sum(len(words) for words, _ in miner.state()["shapes"]) <= 128
    # A hundred times what it takes: only what grows with the square of a line is beyond it.
    assert time.process_time() - began < 5


def test_the_longest_of_lines_stay_small():
    chance = random.Random(1)
    miner = TemplateMiner(max_shapes=200)

    miner.learn(" ".join(chance.choices("abcdefghij", k=2000)) for _ in range(600))

    words = sum(len(kept) for kept, _ in miner.state()["shapes"])
    assert words <= 200 * 128
    assert sum(miner.counts().values()) == 600


def test_a_message_is_found_one_level_deep():
    assert templates('{"log": {"level": "error", "message": "disk 5 is full"}}') == [
        "disk <*> is full"
    ]


@settings(max_examples=200)
@given(st.lists(st.one_of(st.text(max_size=80), st.binary(max_size=80)), max_size=20))
def test_whatever_the_lines_hold_every_one_has_a_template(lines):
    miner = mined(*lines)

    assert all(miner.template(line) in miner.counts() for line in lines)
    assert sum(miner.counts().values()) == len(lines)


@given(st.lists(st.sampled_from(["a 1 b", "a 2 c", "d e", "f 3", "g h 4", "a b"]), max_size=30))
def test_the_order_of_lines_changes_nothing(lines):
    assert mined(*lines).counts() == mined(*reversed(lines)).counts()


def test_changes_tell_what_came_went_and_burst():
    before = {"steady": 600, "gone": 60, "busy": 30}
    during = {"steady": 98, "fresh": 12, "busy": 80}

    found = changes(before, during, seconds_before=600, seconds_during=100)

    assert [(it.template, it.kind) for it in found] == [
        ("busy", "burst"),
        ("fresh", "new"),
        ("gone", "vanished"),
    ]


def test_chance_alone_makes_no_news():
    chance = random.Random(5)
    false = 0
    for _ in range(200):
        before = {str(i): sum(chance.random() < 0.1 for _ in range(600)) for i in range(20)}
        during = {str(i): sum(chance.random() < 0.1 for _ in range(100)) for i in range(20)}
        false += bool(changes(before, during, seconds_before=600, seconds_during=100))

    assert false <= 2


def test_a_stretch_of_no_time_is_refused():
    with pytest.raises(ValueError, match="must last"):
        changes({}, {}, seconds_before=0, seconds_during=1)
