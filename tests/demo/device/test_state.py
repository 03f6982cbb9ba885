"""Devices in their state file: many processes, one truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from demo.device import SimulatedGpu, ThrottleReason
from exporters.errors import UsageError


def test_two_attachments_see_one_device(tmp_path: Path) -> None:
    created = SimulatedGpu.create(tmp_path / "state", 2)[1]

    SimulatedGpu.attach(tmp_path / "state", 1).throttle(ThrottleReason.SW_POWER_CAP, 0.5)

    assert created.clock_ratio == 0.5


def test_another_process_sees_the_fault(tmp_path: Path) -> None:
    gpu = SimulatedGpu.create(tmp_path / "state", 1)[0]
    gpu.throttle(ThrottleReason.HW_SLOWDOWN, 0.25)
    read = (
        "import sys; from pathlib import Path; from demo.device import SimulatedGpu; "
        "print(SimulatedGpu.attach(Path(sys.argv[1]), 0).clock_ratio)"
    )

    seen = subprocess.check_output([sys.executable, "-c", read, str(tmp_path / "state")], text=True)

    assert seen == "0.25\n"


def test_each_device_has_its_own_uuid_drawn_from_the_seed(tmp_path: Path) -> None:
    first = [gpu.uuid for gpu in SimulatedGpu.create(tmp_path / "a", 3, seed=1)]
    again = [gpu.uuid for gpu in SimulatedGpu.create(tmp_path / "b", 3, seed=1)]
    other = [gpu.uuid for gpu in SimulatedGpu.create(tmp_path / "c", 3, seed=2)]

    assert first == again
    assert len({*first, *other}) == 6


def test_healing_undoes_every_fault(tmp_path: Path) -> None:
    gpu = SimulatedGpu.create(tmp_path / "state", 1)[0]
    gpu.throttle(ThrottleReason.HW_SLOWDOWN, 0.25)
    gpu.lose()

    gpu.heal()

    assert (gpu.clock_ratio, gpu.is_lost) == (1.0, False)


def test_a_fault_on_one_device_leaves_the_next_alone(tmp_path: Path) -> None:
    sick, well = SimulatedGpu.create(tmp_path / "state", 2)

    sick.throttle(ThrottleReason.HW_SLOWDOWN, 0.25)
    sick.lose()

    assert (well.clock_ratio, well.is_lost) == (1.0, False)


def test_attaching_imports_no_torch() -> None:
    code = "import demo.device, sys; print(sorted({'torch', 'numpy', 'pynvml'} & set(sys.modules)))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_a_missing_state_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"device state .*absent cannot be opened \(.*No such"):
        SimulatedGpu.attach(tmp_path / "absent", 0)


def test_a_file_that_is_no_state_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x" * 4096)

    with pytest.raises(UsageError, match="is no device state file"):
        SimulatedGpu.attach(tmp_path / "other", 0)


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    SimulatedGpu.create(tmp_path / "state", 2)

    with pytest.raises(UsageError, match="has no GPU 2; it has 0 to 1"):
        SimulatedGpu.attach(tmp_path / "state", 2)


@pytest.mark.parametrize("ratio", [0.0, -1.0, 1.1])
def test_a_clock_ratio_outside_its_range_is_refused(tmp_path: Path, ratio: float) -> None:
    gpu = SimulatedGpu.create(tmp_path / "state", 1)[0]

    with pytest.raises(UsageError, match="allowed are 0 < ratio <= 1"):
        gpu.throttle(ThrottleReason.HW_SLOWDOWN, ratio)
