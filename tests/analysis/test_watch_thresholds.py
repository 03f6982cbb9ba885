from __future__ import annotations

import pytest

from analysis.watch import app, asking
from exporters.errors import ServerMissingError, UsageError
from tests.analysis.watching import collector, get, post, running

SET = 'busysignal_threshold{alert="QueueDeep",entity="chat/r1"} 80'


def set_level(url, **posted):
    return post(f"{url}/thresholds", posted)


def test_a_level_that_was_set_is_shown_and_outlives_a_restart(section):
    with running(app(section, collector=collector)) as url:
        answer = set_level(url, alert="QueueDeep", entity="chat/r1", value=80)

        assert answer.json() == {"result": "kept"}
        assert SET in get(f"{url}/metrics").text
    with running(app(section, collector=collector)) as url:
        assert SET in get(f"{url}/metrics").text
        assert get(f"{url}/thresholds").json() == [
            {"alert": "QueueDeep", "entity": "chat/r1", "value": 80}
        ]


def test_a_level_taken_back_is_shown_no_more(section):
    with running(app(section, collector=collector)) as url:
        set_level(url, alert="QueueDeep", entity="chat/r1", value=80)
        set_level(url, alert="QueueDeep", entity="chat/r1")

        assert "busysignal_threshold{" not in get(f"{url}/metrics").text
        assert get(f"{url}/thresholds").json() == []


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        (
            {"alert": "QueueDep", "value": 80},
            "no alert 'QueueDep' begins at a level; did you mean QueueDeep?",
        ),
        (
            {"alert": "QueueDeep", "entity": "chat/r1/x", "value": 80},
            "QueueDeep cannot begin elsewhere for 'chat/r1/x'; give service or service/replica",
        ),
        (
            {"alert": "KVCacheFull", "value": 95},
            "KVCacheFull cannot begin at 95: Input should be less than or equal to 1",
        ),
        ({"alert": "QueueDeep", "value": "many"}, "not a threshold: value: Input should be a"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(section, posted, said):
    with running(app(section, collector=collector)) as url:
        answer = set_level(url, **posted)

        assert answer.status_code == 400
        assert answer.text.startswith(said)
        assert get(f"{url}/thresholds").json() == []


def test_a_file_that_is_none_of_ours_is_refused(section):
    section.database.with_suffix(".thresholds.json").write_text("{", encoding="utf-8")

    with pytest.raises(UsageError, match="mend or delete the file"):
        app(section, collector=collector)


def test_the_command_sets_lists_and_is_refused(section):
    with running(app(section, collector=collector)) as url:
        host, port = url.removeprefix("http://").split(":")
        there = section.model_copy(update={"host": host, "port": int(port)})
        asking.set_threshold(there, "QueueDeep", "chat", 70)

        assert asking.thresholds(there) == [{"alert": "QueueDeep", "entity": "chat", "value": 70}]
        with pytest.raises(UsageError, match="watch refuses that: no alert 'Nothing'"):
            asking.set_threshold(there, "Nothing", "", 1)
    with pytest.raises(ServerMissingError, match="start `busysignal watch`"):
        asking.thresholds(there)
