"""Kernels compute what they claim, reading the pool they say they read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from exporters.catalog.probe import GPU_KERNELS, KERNELS
from inference_probe.config import ProbeSection
from inference_probe.cost import Cost
from inference_probe.device import cpu_device
from inference_probe.kernels import Arena, Kernel, checksum, make_kernels
from inference_probe.kernels.arithmetic import gemm, gemm_fp8
from inference_probe.kernels.attention import attention_decode, attention_prefill
from inference_probe.kernels.link import (
    all_reduce,
    device_to_host,
    graph_replay,
    host_to_device,
    launch_latency,
)
from inference_probe.kernels.memory import device_copy, embedding_gather, norm_activation
from inference_probe.kernels.suite import FP8_COLUMNS
from inference_probe.shapes import Shapes, presets
from tests.inference_probe.fakes import FakeDevice

CPU = torch.device("cpu")
SMALL = Shapes(
    about="for tests",
    prefill_tokens=6,
    attention_tokens=6,
    hidden=8,
    inner=12,
    heads=4,
    kv_heads=2,
    head_size=8,
    context=10,
    sequences=2,
    copy_bytes=256,
    pool_bytes=4096,
)


@pytest.fixture
def arena() -> Arena:
    return Arena(SMALL, CPU, torch.float32)


def assert_gives(kernel: Kernel, turn: int, expected: Tensor, found: Tensor) -> None:
    """The kernel wrote `found`, which must be close to what double precision gives."""
    kernel.launch(turn)

    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
    assert kernel.checksum() == checksum(found)


def test_gemm_multiplies(arena: Arena) -> None:
    kernel = gemm("gemm_prefill", "compute", arena, 6, 8, 12)
    weights = arena.views(8, 12)

    for turn in (0, 3, kernel.inputs - 1):
        expected = arena.view(6, 8).double() @ weights[turn].double()
        assert_gives(kernel, turn, expected, arena.output(6, 12))


def test_fp8_multiplies_what_eight_bits_hold() -> None:
    arena = Arena(SMALL, CPU, torch.bfloat16)
    kernel = gemm_fp8("gemm_prefill_fp8", arena, 16, 16, 32)
    kernel.launch(0)

    a, b = (arena.view(rows, 16).to(torch.float8_e4m3fn).double() for rows in (16, 32))
    found = arena.output(16, 32)
    torch.testing.assert_close(found.double(), a @ b.t(), rtol=0.02, atol=0.02)
    assert kernel.checksum() == checksum(found)
    assert kernel.cost == Cost(2 * 16 * 16 * 32, 16 * 16 + 16 * 32 + 2 * 16 * 32)


def test_decoding_attention_weighs_the_whole_cache_by_softmax(arena: Arena) -> None:
    kernel = attention_decode(arena, SMALL)
    query, caches = arena.view(2, 4, 1, 8), arena.views(2, 2, 10, 8)
    kernel.launch(1)

    expected = attend(query, caches[1], caches[2], causal=False)

    assert_checksum_of(kernel, expected, query, caches[1], caches[2], causal=False)


def test_prefill_attention_looks_back_alone(arena: Arena) -> None:
    kernel = attention_prefill(arena, SMALL)
    query, keys = arena.view(1, 4, 6, 8), arena.views(1, 2, 6, 8)
    kernel.launch(0)

    expected = attend(query, keys[0], keys[1], causal=True)

    assert_checksum_of(kernel, expected, query, keys[0], keys[1], causal=True)


def attend(query: Tensor, keys: Tensor, values: Tensor, *, causal: bool) -> Tensor:
    """Attention by the textbook, in double precision, each key head shared by two queries."""
    keys, values = (one.repeat_interleave(2, dim=1).double() for one in (keys, values))
    scores = query.double() @ keys.transpose(-1, -2) / 8**0.5
    if causal:
        ahead = torch.ones(scores.shape[-2:]).triu(1).bool()
        scores = scores.masked_fill(ahead, float("-inf"))
    return torch.softmax(scores, dim=-1) @ values


def assert_checksum_of(kernel: Kernel, expected: Tensor, *inputs: Tensor, causal: bool) -> None:
    found = torch.nn.functional.scaled_dot_product_attention(
        *inputs, is_causal=causal, enable_gqa=True
    )
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
    assert kernel.checksum() == checksum(found)


def test_the_norm_divides_by_the_root_mean_square_and_the_gate_is_silu(arena: Arena) -> None:
    kernel = norm_activation(arena, SMALL)
    states, gates, weight = arena.views(6, 8), arena.views(6, 12), arena.view(8)
    kernel.launch(1)

    state, gate, up = (one.double() for one in (states[1], gates[1], gates[2]))
    normed = state / (state.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight.double()
    gated = gate * torch.sigmoid(gate) * up
    found = torch.nn.functional.rms_norm(states[1], (8,), weight, 1e-5)
    torch.testing.assert_close(found.double(), normed, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(arena.output(6, 12).double(), gated, rtol=1e-4, atol=1e-5)
    assert kernel.checksum() == checksum(found) ^ checksum(arena.output(6, 12))


def test_a_gather_takes_rows_of_the_pool(arena: Arena) -> None:
    kernel = embedding_gather(arena, SMALL)
    kernel.launch(2)

    rows = arena.output(12, 8)
    table = arena.view(127, 8)
    assert all((table == row).all(dim=1).any() for row in rows)
    assert kernel.checksum() == checksum(rows)


@pytest.mark.parametrize("make", [host_to_device, device_to_host])
def test_copies_over_the_link_copy(arena: Arena, make: object) -> None:
    kernel = make(arena, 256)
    kernel.launch(0)

    assert kernel.checksum() == checksum(arena.view(64))


def test_a_copy_on_the_device_copies(arena: Arena) -> None:
    kernel = device_copy(arena, SMALL)
    kernel.launch(3)

    assert kernel.checksum() == checksum(arena.views(64)[3])


def test_a_launch_is_one_number_negated(arena: Arena) -> None:
    kernel = launch_latency(arena)
    kernel.launch(0)

    assert kernel.checksum() == checksum(-arena.view(1))


def test_a_replayed_graph_is_what_was_captured(arena: Arena) -> None:
    kernel = graph_replay(arena, lambda work: work)
    kernel.launch(0)

    assert kernel.checksum() == checksum(-arena.view(1))
    with pytest.raises(RuntimeError, match="the device has no graphs"):
        graph_replay(arena, lambda _: None)


def test_an_all_reduce_adds_over_all_devices() -> None:
    sources, targets = ([torch.zeros(32) for _ in range(4)] for _ in range(2))

    def reduce(inputs: list[Tensor], outputs: list[Tensor]) -> None:
        for output in outputs:
            output.copy_(torch.stack(inputs).sum(0))

    kernel = all_reduce("all_reduce_small", sources, targets, reduce)
    for _ in range(3):
        kernel.launch(0)

    assert kernel.checksum() == checksum(torch.full((32,), 10.0))
    assert kernel.cost.bytes == 2 * 128 * 3 / 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_single_wrong_bit_changes_the_checksum(dtype: torch.dtype) -> None:
    right = torch.randn(4099, generator=torch.Generator().manual_seed(2)).to(dtype)
    wrong = right.clone()
    wrong.view(torch.uint8)[1234] ^= 1

    assert checksum(wrong) != checksum(right)


def test_views_cover_the_pool_to_its_end(arena: Arena) -> None:
    views = arena.views(60)

    seen = {view.data_ptr() + 4 * element for view in views for element in range(60)}

    assert len(seen) == 1024, "4096 bytes of four each"
    assert len(views) == 18


def test_the_pool_outgrows_the_cache_twice() -> None:
    arena = Arena(SMALL, CPU, torch.float32, cache_bytes=1 << 20)

    assert sum(view.nbytes for view in arena.views(64)) >= 2 * (1 << 20)


L2_CACHES = {"A100": 40 << 20, "H100": 50 << 20, "L40S": 96 << 20, "B200": 126 << 20}


@pytest.mark.parametrize("name", ["7b", "70b", "671b-moe"])
@pytest.mark.parametrize("cache", L2_CACHES.values(), ids=L2_CACHES)
def test_every_preset_keeps_within_its_memory(name: str, cache: int) -> None:
    shapes = presets()[name]
    arena = Arena(shapes, torch.device("meta"), torch.bfloat16, cache_bytes=cache)

    fp8 = shapes.hidden * (shapes.prefill_tokens + min(shapes.inner, FP8_COLUMNS))
    attention = 2 * shapes.attention_tokens * shapes.heads * shapes.head_size
    norm = 2 * shapes.prefill_tokens * shapes.hidden

    workspace = 32 << 20  # cuBLAS on Hopper, as torch sizes it
    assert arena.bytes + fp8 + attention + norm + workspace < ProbeSection().memory_bytes


def test_a_cpu_runs_the_kernels_of_the_catalogue_and_says_why_not_the_others() -> None:
    suite = make_kernels(SMALL, cpu_device())

    assert tuple(kernel.name for kernel in suite.kernels) == KERNELS
    assert suite.absent == dict.fromkeys(GPU_KERNELS, "needs_gpu")


def test_named_kernels_run_alone() -> None:
    suite = make_kernels(SMALL, cpu_device(), ["device_copy", "gemm_decode_8"])

    assert [kernel.name for kernel in suite.kernels] == ["gemm_decode_8", "device_copy"]
    assert suite.absent == {}


def test_what_a_device_refuses_is_absent_and_no_error() -> None:
    device = FakeDevice(kind="cuda", captures=-1)

    suite = make_kernels(SMALL, device, ["graph_replay", "device_copy"], all_reduce=True)

    assert [kernel.name for kernel in suite.kernels] == ["device_copy"]
    assert suite.absent == {"graph_replay": "unsupported"}


def test_equal_launches_give_equal_checksums_and_other_inputs_do_not() -> None:
    for kernel in make_kernels(presets()["tiny"], cpu_device()).kernels:
        turns = (0, kernel.inputs - 1, 0)
        found = []
        for turn in turns:
            kernel.launch(turn)
            found.append(kernel.checksum())

        assert found[0] == found[2]
        assert (found[0] != found[1]) == (kernel.inputs > 1), kernel.name


def test_a_start_anew_reads_the_same_numbers() -> None:
    first, second = (Arena(SMALL, CPU, torch.float32) for _ in range(2))

    assert torch.equal(first.view(1024), second.view(1024))


def test_presets_are_read_from_the_file_with_every_size() -> None:
    assert list(presets()) == ["tiny", "7b", "70b", "671b-moe"]
    for shapes in presets().values():
        assert shapes.heads % shapes.kv_heads == 0
        assert all(shapes.model_dump().values())
