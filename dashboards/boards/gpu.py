"""GPUs: what the driver says of each device, its links, its users and the readings themselves."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards import marks
from dashboards.boards import gpu_faults, gpu_links, gpu_use
from dashboards.boards.gpu_parts import DEVICE, NO_GPM, chosen, lines, states
from dashboards.panels import (
    Dashboard,
    Panel,
    Query,
    Row,
    TimeSeries,
    Value,
    Variable,
    falling,
    rising,
)
from dashboards.scope import Chosen, choose, stat, whole
from exporters.catalog import boards, gpu, neutral, neutral_gpu, neutral_hardware


def board(rules: RulesSection) -> Dashboard:
    """Build the GPU dashboard, coloured by the alerts' own levels."""
    levels = rules.thresholds
    return whole(
        boards.GPU,
        "Every GPU: is it there, is it full, is it held back, is it whole?",
        _variables(),
        Row("Now", _now(levels)),
        Row("Load", _load(levels)),
        Row("Power and heat", _power(levels)),
        Row("Faults and repairs", gpu_faults.faults()),
        Row("Links", gpu_links.links()),
        Row("Who uses it", gpu_use.users()),
        Row("MIG", gpu_use.instances()),
        Row("The readings themselves", gpu_faults.readings(levels)),
    )


def _variables() -> tuple[Variable, ...]:
    # Exporters of a service carry its name; those of a shared node carry none, and are always in.
    exporters = neutral.TARGET_UP.value.where(job="gpu")
    of_service = exporters.matching(service=marks.OF_SERVICE)
    here = neutral.GPU_UP.value.matching(instance="$instance")
    return (
        choose("service", "Service", exporters),
        choose("instance", "Exporter", of_service),
        choose("gpu", "GPU", here),
    )


_stat = Chosen(chosen, DEVICE).stat


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    energy = chosen(gpu.GPU_ENERGY.total)
    return (
        _stat("Answering", "Whether every device answers.", neutral.GPU_UP, "min",
              values=(Value(1, "all", "green"), Value(0, "not all", "red"))),
        _stat("Missing", "Devices there should be and are not.", neutral_gpu.GPUS_MISSING, "sum",
              steps=rising(critical=1)),
        _stat("Busiest", "The device whose kernels run most of the time.",
              neutral.GPU_UTILIZATION, "max", steps=rising(critical=levels.gpu_busy)),
        _stat("Fullest", "The device with the least memory left.", neutral.GPU_MEMORY, "max",
              steps=rising(critical=levels.gpu_memory)),
        _stat("Hottest", "The warmest core.", neutral.GPU_TEMPERATURE, "max"),
        _stat("Held back", "Whether power, heat or hardware holds any clock down.",
              neutral.GPU_THROTTLE, "max",
              values=(Value(0, "no", "green"), Value(1, "yes", "red"))),
        _stat("Waiting for hands", "Whether any device waits for a reset or a reboot.",
              neutral_gpu.GPU_RESET_NEEDED, "max",
              values=(Value(0, "no", "green"), Value(1, "yes", "red")),
              empty="no device tells"),
        stat("Energy", "What the chosen devices used over the time range on screen.",
             gpu.GPU_ENERGY, f"sum(increase({energy}[$__range]))"),
    )  # fmt: skip


def _load(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        lines("Utilisation", "High is not yet slow: one small kernel at a time counts as busy.",
              neutral.GPU_UTILIZATION, steps=rising(critical=levels.gpu_busy)),
        lines("SMs active", "Share of the chip that has work while it is called busy.",
              neutral_gpu.SM_ACTIVE, empty=NO_GPM),
        lines("Pipes active", "Tensor cores idle while the GPU is busy: batches are too small.",
              neutral_gpu.PIPE_ACTIVE, f"{DEVICE} {{{{pipe}}}}", empty=NO_GPM),
        lines("Memory bandwidth", "Decoding is mostly bound by it.",
              neutral_gpu.DRAM_ACTIVE, empty=NO_GPM),
        lines("SM occupancy", "Warps that wait on each SM to hide memory's delay.",
              neutral_hardware.GPU_SM_OCCUPANCY, empty=NO_GPM),
        lines("Memory", "Weights, KV cache and fragments.", neutral.GPU_MEMORY,
              steps=rising(critical=levels.gpu_memory)),
    )  # fmt: skip


def _power(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        TimeSeries(
            title="Power against its limit",
            about="At the limit the driver lowers the clocks.",
            signals=(neutral.GPU_POWER, gpu.GPU_POWER_LIMIT),
            queries=(
                Query(chosen(neutral.GPU_POWER.value), DEVICE),
                Query(chosen(gpu.GPU_POWER_LIMIT.value), f"{DEVICE} limit"),
            ),
            steps=rising(levels.gpu_power_watts),
        ),
        TimeSeries(
            title="Energy per 1,000 tokens",
            about="What an answer costs in energy: more for the same is waste.",
            signals=(neutral_hardware.ENERGY_PER_TOKENS,),
            queries=(Query(neutral_hardware.ENERGY_PER_TOKENS.value, "{{service}}"),),
            empty="no tokens",
        ),
        lines("SM clock", "What heat, power and idling leave of the clock.", neutral.GPU_CLOCK),
        lines("Temperature", "Of the core.", neutral.GPU_TEMPERATURE),
        lines("Degrees left", "Until core or memory are too hot and clocks are lowered.",
              neutral_hardware.GPU_MARGIN, f"{DEVICE} {{{{part}}}}", minimum=None,
              steps=falling(levels.gpu_temperature_margin), empty="no device tells its limits"),
        lines("Time held back", "Share of time in which each reason held the clocks down.",
              neutral_hardware.GPU_THROTTLED, f"{DEVICE} {{{{reason}}}}",
              steps=rising(levels.gpu_thermal_share, levels.gpu_throttled_share)),
        states("Held back by", "The reasons that hold the clocks down, harmless ones left out.",
               neutral.GPU_THROTTLE, f"{DEVICE} {{{{reason}}}}", width=24),
    )  # fmt: skip
