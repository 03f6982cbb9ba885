"""GPM: ratios between two samples, at least 100 ms and at most ten minutes apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import gpm
from tests.devices import Scenario
from tests.exporters.gpu.pages import Clock, Found, samples, status

Make = Callable[..., Scenario]
Scrape = Callable[..., Found]

MIB = 1 << 20
ONE = "gpus = 1"
ACTIVE = "gpu_sm_active_ratio gpu=0"
CYCLES = "gpu_sm_cycles_active_total gpu=0"


@pytest.fixture
def scrape(watch: Callable[..., GpuExporter], clock: Clock) -> Scrape:
    made: list[GpuExporter] = []

    def take(*, after: float = 0.0) -> Found:
        """A pass, so many seconds after the last."""
        if not made:
            made.append(watch())
        clock.now += after
        made[0].sample()
        return samples(made[0].collect_text())

    return take


def test_the_first_sample_says_nothing_and_the_second_all(scenario: Make, scrape: Scrape) -> None:
    scenario("h100", ONE)

    first, second = scrape(), scrape(after=1)

    assert ACTIVE not in first
    assert status(first, 0, "profiling") == "supported"
    assert second[ACTIVE] == pytest.approx(0.82 * 0.8)
    assert second["gpu_pipe_active_ratio gpu=0 pipe=tensor_hmma"] == pytest.approx(0.32)
    rate = second["gpu_pcie_bandwidth_bytes_per_second gpu=0 direction=rx"]
    assert rate == pytest.approx(272 * MIB, rel=0.01)


def test_samples_too_close_serve_what_was_found_before(
    scenario: Make, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing = scenario("h100", ONE)
    scrape()
    before = scrape(after=1)[ACTIVE]
    changing.change("h100", ONE, "[gpu *]", "Gpm.2 = 12")
    monkeypatch.setattr(gpm.Sampler, "sample", None)

    assert scrape(after=0.09)[ACTIVE] == before

    monkeypatch.undo()
    assert scrape(after=0.02)[ACTIVE] == 0.12


def test_a_window_of_more_than_ten_minutes_begins_anew(scenario: Make, scrape: Scrape) -> None:
    scenario("h100", ONE)
    scrape()

    late, after = scrape(after=601), scrape(after=1)

    assert ACTIVE not in late
    assert ACTIVE in after


def test_a_sample_that_failed_is_not_compared_with(scenario: Make, scrape: Scrape) -> None:
    changing = scenario("h100", ONE)
    scrape()
    scrape(after=1)
    changing.change("h100", ONE, "[gpu 0]", "GpmSample = UNKNOWN")
    failed = scrape(after=1)
    changing.change("h100", ONE)

    first, second = scrape(after=1), scrape(after=1)

    assert status(failed, 0, "profiling") == "error"
    assert failed["gpu_nvml_errors_total call=nvmlGpmSampleGet error=unknown"] == 1
    assert [ACTIVE in found for found in (failed, first, second)] == [False, False, True]


def test_a_driver_that_refuses_the_newest_metrics_is_asked_for_the_others(
    scenario: Make, scrape: Scrape
) -> None:
    scenario("h100", ONE, "[gpu *]", "GpmNewest = 209")
    scrape()

    found = scrape(after=1)

    assert found[ACTIVE] == pytest.approx(0.82 * 0.8)
    assert CYCLES not in found
    assert not [name for name in found if "nvml_errors" in name]


def test_cycle_counters_are_counters(scenario: Make, scrape: Scrape) -> None:
    scenario("h200", ONE)
    scrape()
    found = [scrape(after=1) for _ in range(2)][-1]

    assert status(found, 0, "cycle_counters") == "supported"
    assert 0 < found[CYCLES] < found["gpu_sm_cycles_elapsed_total gpu=0"]
    assert 0 < found["gpu_pipe_cycles_active_total gpu=0 pipe=tensor"] < found[CYCLES]


def test_a_device_without_gpm_says_so(scenario: Make, scrape: Scrape) -> None:
    scenario("a100", ONE)
    scrape()

    found = scrape(after=1)

    assert status(found, 0, "profiling") == "absent"
    assert ACTIVE not in found


def test_mig_instances_are_measured_one_by_one(scenario: Make, scrape: Scrape) -> None:
    scenario("h200-mig")
    scrape()

    found = scrape(after=1)

    active = {name: value for name, value in found.items() if "gpu_mig_sm_active" in name}
    assert active == {
        "gpu_mig_sm_active_ratio gpu=0 gpu_instance=2": pytest.approx(0.72),
        "gpu_mig_sm_active_ratio gpu=0 gpu_instance=5": pytest.approx(0.32),
        "gpu_mig_sm_active_ratio gpu=0 gpu_instance=9": 0,
    }
    assert found["gpu_mig_memory_used_bytes gpu=0 gpu_instance=5"] == 21474836480
    uuid = "uuid=MIG-5a1e0200-0000-5000-8000-000000000001"
    place = "gpu_mig_info gpu=0 gpu_instance=5 compute_instance=0"
    assert found[f"{place} {uuid} profile=2g.35gb"] == 1
    assert (found["gpu_mig_enabled gpu=0"], found["gpu_mig_enabled gpu=1"]) == (1, 1)


def test_instances_that_are_taken_away_end(scenario: Make, scrape: Scrape) -> None:
    changing = scenario("h200-mig")
    scrape()
    scrape(after=1)
    changing.change("h200", "gpus = 2")

    found = scrape(after=1)

    assert found["gpu_mig_enabled gpu=0"] == 0
    assert [name for name in found if name.startswith(("gpu_mig_info", "gpu_mig_sm"))] == []
