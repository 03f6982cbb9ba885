from __future__ import annotations

import pytest

from exporters.host import TorchMemory

STATS = {
    "reserved_bytes.all.current": 2048,
    "allocated_bytes.all.current": 1024,
    "inactive_split_bytes.all.current": 512,
    "num_alloc_retries": 3,
    "num_ooms": 1,
    "active.all.peak": 9,
}


def samples(source):
    return {line for line in source.collect_text().splitlines() if not line.startswith("#")}


def test_each_device_is_told_of():
    source = TorchMemory(lambda: {"0": STATS, "1": {"reserved_bytes.all.current": 4096}})

    assert samples(source) == {
        'torch_memory_reserved_bytes{gpu="0"} 2048.0',
        'torch_memory_reserved_bytes{gpu="1"} 4096.0',
        'torch_memory_allocated_bytes{gpu="0"} 1024.0',
        'torch_memory_inactive_split_bytes{gpu="0"} 512.0',
        'torch_memory_alloc_retries_total{gpu="0"} 3.0',
        'torch_memory_ooms_total{gpu="0"} 1.0',
    }


def test_without_a_device_there_is_no_series():
    def no_device():
        raise RuntimeError("No CUDA GPUs are available")

    assert TorchMemory(no_device).collect_text() == ""


def test_torchs_own_keys_are_the_ones_read():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch has no GPU here")
    torch.zeros(1, device="cuda")

    told = samples(TorchMemory(lambda: {"0": torch.cuda.memory_stats(0)}))

    assert len(told) == 5
