"""What is normal, kept across restarts and never across devices."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from inference_probe.baseline import Baseline

CONTENTS = ["", "{", "[]", '{"version": 1}', '{"version": 2, "devices": {"key": 3}}']
H100 = "NVIDIA H100 GPU-1, driver 580, torch 2.10, shapes 7b"


def learned(path: Path, key: str = H100, seconds: float = 0.002) -> Baseline:
    baseline = Baseline(path, key, samples=5)
    for _ in range(5):
        baseline.learn("gemm_prefill", seconds)
    return baseline


def test_nothing_is_normal_before_enough_samples(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "baseline.json", H100, samples=5)
    for _ in range(4):
        baseline.learn("gemm_prefill", 0.002)

    assert baseline.slowdown("gemm_prefill", 0.002) is None


def test_the_median_shrugs_off_two_wild_samples_of_five(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "baseline.json", H100, samples=5)
    for seconds in (0.002, 9.0, 0.002, 9.0, 0.002):
        baseline.learn("gemm_prefill", seconds)

    assert baseline.slowdown("gemm_prefill", 0.003) == pytest.approx(1.5)


def test_later_samples_do_not_move_it(tmp_path: Path) -> None:
    baseline = learned(tmp_path / "baseline.json")
    for _ in range(100):
        baseline.learn("gemm_prefill", 0.004)

    assert baseline.slowdown("gemm_prefill", 0.004) == 2


def test_it_survives_a_restart(tmp_path: Path) -> None:
    learned(tmp_path / "deep" / "baseline.json")

    again = Baseline(tmp_path / "deep" / "baseline.json", H100, samples=5)

    assert again.slowdown("gemm_prefill", 0.004) == 2


def test_another_driver_learns_anew(tmp_path: Path) -> None:
    learned(tmp_path / "baseline.json")

    other = Baseline(tmp_path / "baseline.json", H100.replace("580", "590"), samples=5)

    assert other.slowdown("gemm_prefill", 0.004) is None


def test_two_devices_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    first = Baseline(path, "first", samples=1)
    second = Baseline(path, "second", samples=1)
    first.learn("gemm_prefill", 0.001)
    second.learn("gemm_prefill", 0.002)

    assert Baseline(path, "first", samples=1).slowdown("gemm_prefill", 0.002) == 2
    assert Baseline(path, "second", samples=1).slowdown("gemm_prefill", 0.002) == 1


@pytest.mark.parametrize("content", CONTENTS)
def test_a_broken_file_is_told_and_learned_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content)

    with caplog.at_level(logging.WARNING):
        baseline = learned(path)

    assert "cannot be read and is learned anew" in caplog.text
    assert (tmp_path / "baseline.json.unreadable").read_text() == content
    assert baseline.slowdown("gemm_prefill", 0.004) == 2


def test_a_folder_that_cannot_be_written_costs_only_the_memory_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")

    with caplog.at_level(logging.WARNING):
        baseline = learned(tmp_path / "file" / "baseline.json")

    assert "kept in memory only" in caplog.text
    assert baseline.slowdown("gemm_prefill", 0.004) == 2


def test_times_at_resting_clocks_are_another_baseline(tmp_path: Path) -> None:
    baseline = learned(tmp_path / "baseline.json")
    for _ in range(5):
        baseline.learn("gemm_prefill", 0.008, "resting")

    assert baseline.slowdown("gemm_prefill", 0.004) == 2
    assert baseline.slowdown("gemm_prefill", 0.008, "resting") == 1


def test_right_results_are_kept_once_and_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    baseline = Baseline(path, H100, samples=5)
    baseline.keep_golden("gemm_prefill", [3, 4])
    baseline.keep_golden("gemm_prefill", [5, 6])

    assert Baseline(path, H100, samples=5).golden("gemm_prefill") == [3, 4]
    assert Baseline(path, "another", samples=5).golden("gemm_prefill") == []


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    baselines = [Baseline(path, f"device {number}", samples=1) for number in range(8)]
    threads = [
        threading.Thread(target=baseline.learn, args=("gemm_prefill", 0.001))
        for baseline in baselines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    again = [Baseline(path, f"device {number}", samples=1) for number in range(8)]
    assert all(baseline.normal("gemm_prefill") for baseline in again)
    assert [one.name for one in tmp_path.iterdir()] == ["baseline.json"]
