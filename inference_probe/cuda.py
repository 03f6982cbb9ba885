"""A GPU: kernels on a low-priority stream of its own, timed by CUDA events.

Nothing here waits for the whole device: only for the last event of the probe's own stream.
"""

from __future__ import annotations

import os

import torch

from inference_probe.cost import Cost
from inference_probe.device import Kind, Launch, Timing, Work
from inference_probe.sharing import Sharing
from inference_probe.state import DeviceState

LOWEST_PRIORITY = 0
"""torch knows 0 and -1; the larger number gives way."""


class CudaDevice:
    """One GPU, or the slice of it that this process was given."""

    kind: Kind = "cuda"
    min_batch_seconds = 0.2e-3  # events resolve about half a microsecond

    def __init__(self, index: int, driver: str, state: DeviceState) -> None:
        # Among MPS clients the stream's priority counts for nothing, the client's does.
        os.environ.setdefault("CUDA_MPS_CLIENT_PRIORITY", "1")
        self.torch_device = torch.device("cuda", index)
        properties = torch.cuda.get_device_properties(self.torch_device)
        self.label = f"cuda:{index}"
        self.name = str(properties.name)
        self.uuid = f"GPU-{properties.uuid}"
        self.sharing = Sharing.of(self.name)
        self.processors = int(properties.multi_processor_count)
        self.cache_bytes = int(properties.L2_cache_size)
        self.identity = (
            f"{self.name} {self.uuid}, driver {driver}, torch {torch.__version__}, {self.sharing}"
        )
        self.dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        self.state = state
        with torch.cuda.device(self.torch_device):
            # torch leaves these constructors untyped
            self.stream = torch.cuda.Stream(self.torch_device, priority=LOWEST_PRIORITY)  # type: ignore[no-untyped-call]
            self._began = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            self._ended = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def run(self, launch: Launch, cost: Cost) -> None:
        launch()

    def time(self, work: Work) -> Timing:
        """Time by events; whether others use the device is asked before a round (`state`)."""
        with torch.cuda.device(self.torch_device), torch.cuda.stream(self.stream):
            self._began.record(self.stream)
            work()
            self._ended.record(self.stream)
        self._ended.synchronize()
        seconds = self._began.elapsed_time(self._ended) / 1000
        return Timing(seconds, busy_seconds=seconds, contended=False)

    def capture(self, work: Work) -> Work | None:
        """One CUDA graph of all launches: no gap between kernels while the host catches up.

        Capturing waits for the device once, when the probe starts; replaying never does.
        """
        graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(self.torch_device),
            torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"),
        ):
            work()
        return graph.replay

    def memory_bytes(self) -> int | None:
        return int(torch.cuda.memory_reserved(self.torch_device))
