"""Field values in one call: every type of number, and every reason for having none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import AbsentError, DeniedError, Nvml, NvmlError
from exporters.gpu.nvml.fields import Answer, FieldBatch, _answer
from exporters.gpu.nvml.library import ratio
from tests.devices import Scenario
from tests.exporters.gpu.pages import samples, status

Make = Callable[..., Scenario]

FIELD = 82


@pytest.fixture
def ask(scenario: Make, nvml_library: Path) -> Iterator[Callable[[str], Answer]]:
    opened: list[Nvml] = []

    def answer(value: str) -> Answer:
        scenario("h100", "gpus = 1", "[gpu 0]", f"FieldValues.{FIELD} = {value}")
        nvml = Nvml(nvml_library)
        opened.append(nvml)
        [told] = FieldBatch([(FIELD, 0)]).read(nvml.handle(0))
        return told

    yield answer
    for nvml in opened:
        nvml.close()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("ui: 61", 61),
        ("ul: 5e9", 5e9),
        ("ull: 9e15", 9e15),
        ("sll: -7", -7),
        ("si: -7", -7),
        ("d: 61.5", 61.5),
        ("ui: NOT_AVAILABLE", None),
        ("ull: NOT_AVAILABLE", None),
        ("d: nan", None),
    ],
)
def test_every_type_of_number_is_read(
    ask: Callable[[str], Answer], written: str, value: float | None
) -> None:
    assert ask(written) == (value, None)


@pytest.mark.parametrize(
    ("written", "meaning", "name"),
    [
        ("NOT_SUPPORTED", AbsentError, "not_supported"),
        ("INVALID_ARGUMENT", AbsentError, "invalid_argument"),
        ("NO_PERMISSION", DeniedError, "no_permission"),
        ("UNKNOWN", NvmlError, "unknown"),
    ],
)
def test_a_field_without_a_value_says_why(
    ask: Callable[[str], Answer], written: str, meaning: type[NvmlError], name: str
) -> None:
    value, error = ask(written)

    assert value is None
    assert type(error) is meaning
    assert str(error) == f"nvmlDeviceGetFieldValues: {name}"


def test_links_are_as_many_as_the_driver_says_and_no_more_than_can_be(
    scenario: Make, watch: Callable[..., GpuExporter]
) -> None:
    changing = scenario("h100", "gpus = 1")
    exporter = watch()

    def links() -> int:
        exporter.sample()
        return sum("gpu_nvlink_link_up" in name for name in samples(exporter.collect_text()))

    assert links() == 18
    changing.change("h100", "gpus = 1", "[gpu 0]", "FieldValues.91 = ui: 4")
    assert links() == 4
    changing.change("h100", "gpus = 1", "[gpu 0]", "FieldValues.91 = ui: 1091")
    assert links() == 0


def test_a_driver_without_field_values_lacks_them_alone(
    scenario: Make, watch: Callable[..., GpuExporter]
) -> None:
    scenario("h100", "gpus = 1", "[gpu 0]", "FieldValues = NOT_SUPPORTED")
    exporter = watch()
    exporter.sample()

    found = samples(exporter.collect_text())

    assert status(found, 0, "recovery_action") == status(found, 0, "nvlink_traffic") == "absent"
    assert status(found, 0, "power") == "supported"


def test_bytes_over_all_links_are_summed_where_the_driver_counts_per_link_alone(
    scenario: Make, watch: Callable[..., GpuExporter]
) -> None:
    lines = [
        f"FieldValues.{field}.{link} = NOT_SUPPORTED" for field in (138, 139) for link in range(18)
    ]
    per_link = [f"FieldValues.202.{link} = ull: 1000" for link in range(18)]
    totals = [f"FieldValues.{field}.4294967295 = NOT_SUPPORTED" for field in (138, 139)]
    scenario("h100", "gpus = 1", "[gpu 0]", *lines, *per_link, *totals)
    exporter = watch()
    exporter.sample()

    found = samples(exporter.collect_text())

    assert found["gpu_nvlink_link_bytes_total gpu=0 link=3 direction=tx"] == 1000
    assert found["gpu_nvlink_bytes_total gpu=0 direction=tx"] == 18000


@given(
    kind=st.integers(0, 2**32 - 1) | st.integers(0, 7),
    result=st.sampled_from([0, 1, 2, 3, 4, 15, 999, 12345]),
    bits=st.integers(0, 2**64 - 1),
)
def test_whatever_a_driver_writes_is_a_finite_number_or_none(
    kind: int, result: int, bits: int
) -> None:
    value, error = _answer(kind, result, bits)

    assert value is None or isfinite(value)
    assert (error is None) == (result == 0)


@given(st.floats())
def test_a_ratio_lies_between_0_and_1(percent: float) -> None:
    found = ratio(percent)

    assert found is None or 0 <= found <= 1
