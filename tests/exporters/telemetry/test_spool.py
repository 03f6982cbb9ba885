from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest

from exporters.telemetry.document import Line
from exporters.telemetry.spool import Spool


def lines(first: int, last: int) -> list[Line]:
    return [
        Line("span", "traces-a-b", str(n), json.dumps({"n": n}).encode())
        for n in range(first, last)
    ]


def every(index: str) -> bool:
    return True


def drain(spool: Spool) -> list[str]:
    ids: list[str] = []
    while (segment := spool.oldest(every)) is not None:
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
    path, found = spool.oldest(every) or (None, [])
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


def test_a_segment_that_someone_removed_is_forgotten(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000, segment_bytes=1)
    spool.append(lines(0, 1))
    spool.append(lines(1, 2))
    min((tmp_path / "s").glob("*.spool")).unlink()

    assert ["1"] == drain(spool)
    assert 0 == spool.size
    spool.close()


def test_a_segment_that_cannot_be_read_is_put_aside_for_a_person(tmp_path: Path):
    folder = tmp_path / "s"
    spool = Spool(folder, 10_000, segment_bytes=1)
    spool.append(lines(0, 1))
    spool.append(lines(1, 2))
    oldest = min(folder.glob("*.spool"))
    oldest.unlink()
    oldest.mkdir()

    assert ["1"] == drain(spool)
    assert 0 == spool.size
    assert oldest.with_suffix(".unreadable").is_dir()
    spool.close()


def test_a_folder_that_someone_removed_is_made_again_and_its_room_is_free(tmp_path: Path):
    spool = Spool(tmp_path / "s", 200)
    assert spool.append(lines(0, 10))
    shutil.rmtree(tmp_path / "s")

    assert not spool.append(lines(10, 11))

    assert ["10"] == drain(spool)
    second = Spool(tmp_path / "s", 200)
    assert tmp_path / "s.1" == second.folder, "the folder made again is still one process's own"
    second.close()
    spool.close()


def test_the_room_of_segments_that_someone_removed_is_free(tmp_path: Path):
    spool = Spool(tmp_path / "s", 200)
    assert spool.append(lines(0, 10))
    for path in (tmp_path / "s").glob("*.spool"):
        path.unlink()

    assert not spool.append(lines(10, 11))
    assert ["10"] == drain(spool)
    spool.close()


def test_a_foreign_file_in_the_folder_is_left_alone(tmp_path: Path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "notes.spool").write_text("mine")
    spool = Spool(tmp_path / "s", 10_000)

    assert not spool.append(lines(0, 1))

    assert ["0"] == drain(spool)
    assert (tmp_path / "s" / "notes.spool").exists()
    spool.close()


def test_a_disk_that_was_full_midway_costs_only_what_was_refused(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000)
    (tmp_path / "s" / "000000000001-traces-a-b.spool").write_bytes(lines(0, 1)[0].bulk()[:-3])
    spool._note_partial(tmp_path / "s" / "000000000001-traces-a-b.spool")

    assert not spool.append(lines(1, 2))

    assert ["1"] == drain(spool)
    spool.close()


def test_a_rest_that_cannot_be_written_leaves_the_segment_whole(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000)
    spool.append(lines(0, 2))
    path, found = spool.oldest(every) or (None, [])
    assert path is not None
    path.with_suffix(".rest").mkdir()

    spool.settle(path, found[1:])

    assert ["0", "1"] == drain(spool)
    spool.close()


def test_a_process_out_of_files_puts_no_segment_aside(tmp_path: Path, monkeypatch):
    spool = Spool(tmp_path / "s", 10_000)
    spool.append(lines(0, 1))
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> bytes:
            raise OSError(errno.EMFILE, "Too many open files")

        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            spool.oldest(every)

    assert ["0"] == drain(spool)
    spool.close()


def test_a_folder_that_another_process_made_again_stays_its_own(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000)
    spool.append(lines(0, 1))
    shutil.rmtree(tmp_path / "s")
    other = Spool(tmp_path / "s", 10_000)
    other.append(lines(1, 2))

    assert not spool.append(lines(2, 3))

    assert (["2"], ["1"]) == (drain(spool), drain(other))
    spool.close()
    other.close()
