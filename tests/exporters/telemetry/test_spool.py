from __future__ import annotations

import json
from pathlib import Path

from exporters.telemetry.document import Line
from exporters.telemetry.spool import Spool


def lines(first: int, last: int) -> list[Line]:
    return [
        Line("span", "traces-a-b", str(n), json.dumps({"n": n}).encode())
        for n in range(first, last)
    ]


def drain(spool: Spool) -> list[str]:
    ids: list[str] = []
    while (segment := spool.oldest()) is not None:
        path, found = segment
        ids += [line.id for line in found]
        spool.settle(path, [])
    return ids


def test_what_goes_in_comes_out_in_order_also_in_the_next_process(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000, segment_bytes=200)
    assert not spool.append(lines(0, 5))
    assert not spool.append(lines(5, 10))
    spool.close()

    again = Spool(tmp_path / "s", 10_000)

    assert [str(n) for n in range(10)] == drain(again)
    assert 0 == again.size
    again.close()


def test_a_full_spool_gives_back_what_does_not_fit(tmp_path: Path):
    spool = Spool(tmp_path / "s", 200)

    refused = spool.append(lines(0, 10))

    assert spool.size <= 200
    assert [str(n) for n in range(10)] == [*drain(spool), *(line.id for line in refused)]
    assert refused
    spool.close()


def test_what_is_not_delivered_stays(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000)
    spool.append(lines(0, 3))
    path, found = spool.oldest() or (None, [])
    assert path is not None

    spool.settle(path, found[1:])

    assert ["1", "2"] == drain(spool)
    spool.close()


def test_a_line_cut_off_by_a_crash_is_skipped_and_nothing_is_appended_to_it(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000)
    spool.append(lines(0, 2))
    spool.close()
    (segment,) = (tmp_path / "s").glob("*.spool")
    segment.write_bytes(segment.read_bytes()[:-4])

    again = Spool(tmp_path / "s", 10_000)
    again.append(lines(2, 3))

    assert ["0", "2"] == drain(again)
    again.close()


def test_two_processes_never_share_a_folder(tmp_path: Path):
    first, second = Spool(tmp_path / "s", 1_000), Spool(tmp_path / "s", 1_000)

    assert [tmp_path / "s", tmp_path / "s.1"] == [first.folder, second.folder]
    first.close()
    second.close()


def test_refused_documents_are_kept_with_the_reason(tmp_path: Path):
    spool = Spool(tmp_path / "s", 1_000)

    spool.set_aside(lines(7, 8)[0], "no such field")

    assert {
        "index": "traces-a-b", "id": "7", "reason": "no such field", "document": {"n": 7},
    } == json.loads((tmp_path / "s" / "poison.ndjson").read_text())  # fmt: skip
    spool.close()
