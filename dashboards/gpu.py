"""GPUs: what the driver says of each device, and what known kernels really take on it."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards import marks
from dashboards.gpu_faults import activity, faults
from dashboards.gpu_probe import kernels
from dashboards.panels import (
    PLAIN,
    Dashboard,
    Panel,
    Query,
    Row,
    Stat,
    StateTimeline,
    Step,
    TimeSeries,
    Value,
    Variable,
    rising,
)
from exporters.catalog import Recorded, Selector, boards, gpu, neutral

DEVICE = "{{instance}} gpu {{gpu}}"


def board(rules: RulesSection) -> Dashboard:
    """Build the GPU dashboard, coloured by the alerts' own levels."""
    levels = rules.thresholds
    return Dashboard(
        board=boards.GPU,
        about="Every GPU: is it there, is it full, is it held back, is it as fast as it was?",
        variables=_variables(),
        marks=(marks.RESTARTS_ANYWHERE, marks.ALERTS_ANYWHERE, marks.VERDICTS),
        rows=(
            Row("Now", _now(levels)),
            Row("Load", _load(levels)),
            Row("Health", _health()),
            Row("Faults and repairs", faults()),
            Row("What the chip does", activity()),
            Row("Kernel probe", kernels(levels)),
        ),
    )


def _variables() -> tuple[Variable, ...]:
    devices = neutral.GPU_UP.value
    here = devices.matching(instance="$instance")
    return (
        Variable(
            name="instance",
            label="Exporter",
            query=f"label_values({devices}, instance)",
            several=True,
        ),
        Variable(name="gpu", label="GPU", query=f"label_values({here}, gpu)", several=True),
    )


def chosen(selector: Selector) -> Selector:
    """Narrow to the chosen exporters and devices."""
    return selector.matching(instance="$instance", gpu="$gpu")


def _stat(title: str, about: str, signal: Recorded, pick: str, **more: Any) -> Stat:
    query = Query(f"{pick}({chosen(signal.value)})", pick)
    return Stat(title=title, about=about, signals=(signal,), queries=(query,), **more)


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    energy = chosen(gpu.GPU_ENERGY.total)
    return (
        _stat(
            "Answering",
            "Whether every device answers.",
            neutral.GPU_UP,
            "min",
            values=(Value(1, "all", "green"), Value(0, "not all", "red")),
        ),
        _stat(
            "Busiest",
            "The device whose kernels run most of the time.",
            neutral.GPU_UTILIZATION,
            "max",
            steps=rising(critical=levels.gpu_busy),
        ),
        _stat("Fullest", "The device with the least memory left.", neutral.GPU_MEMORY, "max"),
        _stat("Hottest", "The warmest core.", neutral.GPU_TEMPERATURE, "max"),
        _stat(
            "Held back",
            "Whether power, heat or hardware holds any clock down.",
            neutral.GPU_THROTTLE,
            "max",
            values=(Value(0, "no", "green"), Value(1, "yes", "red")),
        ),
        Stat(
            title="Energy",
            about="What the chosen devices used over the time range on screen.",
            signals=(gpu.GPU_ENERGY,),
            queries=(Query(f"sum(increase({energy}[$__range]))", "energy"),),
        ),
    )


def _lines(title: str, about: str, signal: Recorded, steps: tuple[Step, ...] = PLAIN) -> TimeSeries:
    return TimeSeries(
        title=title,
        about=about,
        signals=(signal,),
        queries=(Query(chosen(signal.value), DEVICE),),
        steps=steps,
        maximum=1 if signal.unit == "ratio" else None,
    )


def _load(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _lines(
            "Utilisation",
            "High is not yet slow: one small kernel at a time also counts as busy.",
            neutral.GPU_UTILIZATION,
            rising(critical=levels.gpu_busy),
        ),
        _lines(
            "Memory",
            "Weights, KV cache and fragments.",
            neutral.GPU_MEMORY,
        ),
        TimeSeries(
            title="Power against its limit",
            about="At the limit the driver lowers the clocks.",
            signals=(neutral.GPU_POWER, gpu.GPU_POWER_LIMIT),
            queries=(
                Query(chosen(neutral.GPU_POWER.value), DEVICE),
                Query(chosen(gpu.GPU_POWER_LIMIT.value), f"{DEVICE} limit"),
            ),
        ),
    )


def _health() -> tuple[Panel, ...]:
    states = (Value(0, "no", "green"), Value(1, "yes", "red"))
    return (
        _lines("Temperature", "Close to its limit, a device slows down.", neutral.GPU_TEMPERATURE),
        _lines("SM clock", "What heat, power and idling leave of the clock.", neutral.GPU_CLOCK),
        TimeSeries(
            title="XID errors",
            about="The driver's error codes; none is the good state.",
            signals=(neutral.GPU_XID_RATE,),
            queries=(Query(chosen(neutral.GPU_XID_RATE.value), f"{DEVICE} XID {{{{xid}}}}"),),
            style="bars",
            empty="no XID errors",
        ),
        StateTimeline(
            title="Answering, over time",
            about="Whether the device answers its driver.",
            signals=(neutral.GPU_UP,),
            queries=(Query(chosen(neutral.GPU_UP.value), DEVICE),),
            values=(Value(0, "gone", "red"), Value(1, "up", "green")),
        ),
        StateTimeline(
            title="Held back by",
            about="The reasons that hold the clocks down, harmless ones left out.",
            signals=(neutral.GPU_THROTTLE,),
            queries=(Query(chosen(neutral.GPU_THROTTLE.value), f"{DEVICE} {{{{reason}}}}"),),
            values=states,
        ),
    )
