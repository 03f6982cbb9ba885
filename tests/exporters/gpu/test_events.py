"""What the driver tells as it happens: counted from the first one on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import events
from tests.devices import Machine, Scenario
from tests.exporters.gpu.pages import Found, eventually, samples, status
from tests.golden import Golden

NOT_SUPPORTED = 3


def scrape(exporter: GpuExporter) -> Found:
    return samples(exporter.collect_text())


@pytest.mark.parametrize(("code", "label"), [(79, "79"), (48, "48"), (777, "_other")])
def test_the_first_xid_is_an_increase(
    machine: Machine, watch: Callable[..., GpuExporter], code: int, label: str
) -> None:
    exporter = watch()
    series = f"gpu_xid_errors_total gpu=1 xid={label}"
    exporter.start()
    before = scrape(exporter)[series]

    machine.gpus[1].raise_xid(code)

    assert before == 0
    assert eventually(lambda: scrape(exporter)[series] == 1)
    assert scrape(exporter)[series.replace("gpu=1", "gpu=0")] == 0


def test_the_page_of_an_xid_is_exactly_this(
    machine: Machine, watch: Callable[..., GpuExporter], golden: Golden
) -> None:
    exporter = watch()
    exporter.start()
    machine.gpus[0].raise_xid(94)
    eventually(lambda: 'xid="94"} 1.0' in exporter.collect_text())

    page = exporter.collect_text()

    # Each device's thread makes its series, in whatever order they come.
    xids = [
        line for line in page.splitlines() if "gpu_xid_errors" in line and 'gpu="1"' not in line
    ]
    golden.check("xid.txt", "\n".join(xids) + "\n")


def test_an_xid_says_when_it_was_last_raised(
    machine: Machine, watch: Callable[..., GpuExporter]
) -> None:
    exporter = watch()
    exporter.start()
    began = time.time()
    machine.gpus[0].raise_xid(48)
    series = "gpu_xid_last_timestamp_seconds gpu=0 xid=48"

    assert eventually(lambda: series in scrape(exporter))
    assert began <= scrape(exporter)[series] <= time.time()


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("sbe", "single_bit_ecc_error"),
        ("dbe", "double_bit_ecc_error"),
        ("retirement_failure", "dram_retirement_failure"),
        ("fatal_poison", "fatal_poison"),
        ("unavailable", "gpu_unavailable"),
        ("recovery", "recovery_action"),
    ],
)
def test_other_events_count_from_zero_too(
    scenario: Callable[..., Scenario], watch: Callable[..., GpuExporter], word: str, event: str
) -> None:
    changing = scenario("h100", "gpus = 1")
    exporter = watch()
    exporter.start()
    series = f"gpu_events_total gpu=0 event={event}"
    before = scrape(exporter)[series]

    changing.change("h100", "gpus = 1", "[gpu 0]", f"Events = {word}:1")

    assert before == 0
    assert eventually(lambda: scrape(exporter)[series] == 1)


def test_a_device_without_events_has_no_event_series(
    machine: Machine, watch: Callable[..., GpuExporter]
) -> None:
    machine.gpus[0].answer_with("nvmlDeviceRegisterEvents", NOT_SUPPORTED)
    exporter = watch()
    exporter.sample()

    found = scrape(exporter)

    assert {name.split()[1] for name in found if name.startswith("gpu_xid")} == {"gpu=1"}
    assert (status(found, 0, "events"), status(found, 1, "events")) == ("absent", "supported")


def test_a_device_that_tells_xids_alone_has_no_other_event_series(
    scenario: Callable[..., Scenario], watch: Callable[..., GpuExporter]
) -> None:
    scenario("h100", "gpus = 1", "[gpu 0]", "SupportedEventTypes = 0x8")
    exporter = watch()
    exporter.sample()

    found = scrape(exporter)

    assert "gpu_xid_errors_total gpu=0 xid=79" in found
    assert not [name for name in found if name.startswith("gpu_events")]


def test_an_odd_event_does_not_end_the_listening(
    machine: Machine, watch: Callable[..., GpuExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = watch()
    monkeypatch.setattr("exporters.gpu.events.WAIT_SECONDS", 0.01)
    answers: list[object] = [events.Event(1, "xid", 48), None, TypeError("odd")]
    good = events.wait

    def odd(*arguments: object) -> object:
        if not answers:
            return good(*arguments)
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(events, "wait", odd)
    exporter.start()
    machine.gpus[1].raise_xid(48)

    series = "gpu_xid_errors_total gpu=1 xid=48"
    assert eventually(lambda: scrape(exporter)[series] == 1)
