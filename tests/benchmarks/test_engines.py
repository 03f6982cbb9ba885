from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import suites
from benchmarks.suites.engines import read
from exporters.catalog.engines import ENGINES
from exporters.errors import UsageError
from tests.public_data import unpack

RECORDED = {
    "vllm-0.32.0-busy": ("vllm", 4, 36, 0.914),
    "sglang-0.5.23-busy": ("sglang", 4, 32, 0.67),
    "llamacpp-b11434-busy": ("llamacpp", 4, 35, None),
    "ray-2.60.0-busy": ("ray_serve", 4, 10, None),
    "litellm-1.106.2-busy": ("litellm", 20, None, None),
}
"""Engine, running, waiting and KV cache, as the recordings' own README tells them."""


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("engine_metrics", tmp_path_factory.mktemp("recordings"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_busy_engine_says_how_busy_it_is(recordings, name):
    engine, running, waiting, cache = RECORDED[name]

    said = read(recordings / f"{name}.prom")

    assert said["engine"] == engine
    assert said["llm:requests_running"] == running
    assert said.get("llm:queue_depth") == waiting
    assert said.get("llm:kv_cache_usage:ratio") == (cache and pytest.approx(cache, abs=0.001))


def test_every_promised_signal_is_there_in_every_recording(recordings):
    result = suites.run("engines", recordings)

    assert result.summary["recognised"] == len(result.cases) >= 14
    assert [case["id"] for case in result.cases if case["missing"]] == []


def test_an_idle_engine_has_zeros_where_it_is_idle_and_nothing_where_it_says_nothing(recordings):
    said = read(recordings / "llamacpp-b11434-idle.prom")

    assert said["llm:queue_depth"] == 0
    assert "llm:kv_cache_usage:ratio" not in said


def test_milliseconds_become_seconds(recordings):
    assert read(recordings / "ray-2.60.0-busy.prom")["llm:queue_wait_seconds:p99"] < 60


def test_a_renamed_signal_is_told_as_missing(tmp_path):
    said = _read(tmp_path, 'vllm:num_requests_running{engine="0",model_name="m"} 3\n')

    assert said["engine"] == "vllm"
    assert said["llm:requests_running"] == 3
    assert "llm:kv_cache_usage:ratio" in said["missing"]


def test_the_name_before_a_rename_still_counts(tmp_path):
    said = _read(
        tmp_path,
        'vllm:num_requests_running{model_name="m"} 3\n'
        'vllm:gpu_cache_usage_perc{model_name="m"} 0.5\n',
    )

    assert said["llm:kv_cache_usage:ratio"] == 0.5
    assert "llm:kv_cache_usage:ratio" not in said["missing"]


def test_a_priority_class_is_no_second_queue(tmp_path):
    said = _read(
        tmp_path,
        'sglang:num_queue_reqs{model_name="m",priority=""} 7\n'
        'sglang:num_queue_reqs{model_name="m",priority="1"} 5\n'
        'sglang:num_queue_reqs{model_name="m",priority="2"} 2\n',
    )

    assert said["llm:queue_depth"] == 7


def test_ranks_of_one_scheduler_are_copies_and_data_parallel_ones_are_not(tmp_path):
    said = _read(
        tmp_path,
        'sglang:num_running_reqs{dp_rank="0",tp_rank="0"} 4\n'
        'sglang:num_running_reqs{dp_rank="0",tp_rank="1"} 4\n'
        'sglang:num_running_reqs{dp_rank="1",tp_rank="2"} 3\n',
    )

    assert said["llm:requests_running"] == 7


def test_a_page_of_no_known_engine_is_no_engine(tmp_path):
    assert _read(tmp_path, "python_info 1\n") == {"engine": None, "missing": []}


def test_every_table_says_where_it_was_read_and_whether_it_was_recorded():
    assert {engine.name: engine.recorded for engine in ENGINES if engine.recorded is None} == {
        "trtllm": None, "tgi": None, "triton": None, "dynamo": None,
    }  # fmt: skip
    assert all(engine.read_from for engine in ENGINES)


def test_packed_data_is_unpacked_first(recordings, tmp_path):
    with tarfile.open(tmp_path / "some.tar.gz", "w:gz") as archive:
        archive.add(recordings / "llamacpp-b11434-busy.prom", "deep/inside.prom")

    assert suites.run("engines", tmp_path).cases[0]["id"] == "deep/inside.prom"


def test_a_folder_without_recordings_is_refused_with_what_it_lacks(tmp_path):
    with pytest.raises(UsageError, match=r"no recorded /metrics .*\*\.prom"):
        suites.run("engines", tmp_path)


def _read(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "one.prom"
    path.write_text(text)
    return read(path)
