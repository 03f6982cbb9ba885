"""The board: utilisation, memory, power, temperature, clocks."""

from __future__ import annotations

from typing import Final

import exporters.catalog.gpu as signals
from exporters.gpu.families.family import Family, Field, each, one, positive, several, table
from exporters.gpu.nvml import device

MILLI: Final = 1e-3
NANO: Final = 1e-9

_THROTTLE_FIELDS: Final = {
    "sw_power_cap": 74,
    "thermal": 75,
    "sync_boost": 76,
    "board_limit": 77,
    "low_utilization": 78,
    "reliability": 79,
    "applications_clocks_setting": 80,
    "base_clocks": 81,
    "sw_thermal_slowdown": 269,
    "hw_thermal_slowdown": 270,
    "hw_power_brake_slowdown": 271,
}
"""NVML_FI_DEV_PERF_POLICY_* and NVML_FI_DEV_CLOCKS_EVENT_REASON_*, in nanoseconds."""

FAMILIES: Final = (
    Family(
        "utilization",
        (several((signals.GPU_UTILIZATION, signals.GPU_MEMORY_CONTROLLER), device.utilization),),
    ),
    Family("engines", each(signals.GPU_ENGINE_UTILIZATION, device.engine, signals.ENGINES)),
    Family(
        "memory",
        (
            several(
                (
                    signals.GPU_MEMORY_USED,
                    signals.GPU_MEMORY_TOTAL,
                    signals.GPU_MEMORY_FREE,
                    signals.GPU_MEMORY_RESERVED,
                ),
                device.memory,
            ),
        ),
    ),
    Family(
        "bar1",
        (several((signals.GPU_BAR1_USED, signals.GPU_BAR1_TOTAL), device.bar1),),
        is_slow=True,
    ),
    Family(
        "power",
        (one(signals.GPU_POWER, device.power),),
        (
            Field(186, signals.GPU_POWER_INSTANT, scale=MILLI),
            Field(185, signals.GPU_POWER_AVERAGE, scale=MILLI),
        ),
    ),
    Family(
        "power_limits",
        (one(signals.GPU_POWER_LIMIT, device.power_limit),),
        (
            Field(187, signals.GPU_POWER_LIMITS, ("min",), MILLI),
            Field(188, signals.GPU_POWER_LIMITS, ("max",), MILLI),
            Field(189, signals.GPU_POWER_LIMITS, ("default",), MILLI),
            Field(192, signals.GPU_POWER_LIMITS, ("requested",), MILLI),
            Field(190, signals.GPU_POWER_LIMITS, ("current",), MILLI),
        ),
        is_slow=True,
    ),
    Family("energy", (one(signals.GPU_ENERGY, device.energy),)),
    Family(
        "temperature",
        (
            one(signals.GPU_TEMPERATURE, device.temperature),
            one(signals.GPU_TEMPERATURE_MARGIN, device.temperature_margin),
        ),
    ),
    Family(
        "memory_temperature",
        fields=(Field(82, signals.GPU_MEMORY_TEMPERATURE, convert=positive),),
    ),
    Family(
        "temperature_limits",
        each(signals.GPU_TEMPERATURE_LIMIT, device.temperature_limit, signals.TEMPERATURE_LIMITS),
        tuple(
            Field(id_, signals.GPU_TEMPERATURE_MARGIN_LIMIT, (limit,))
            for id_, limit in enumerate(signals.TEMPERATURE_LIMITS, start=193)
        ),
        is_slow=True,
    ),
    Family("fan", (one(signals.GPU_FAN_SPEED, device.fan_speed),), is_slow=True),
    Family("clocks", each(signals.GPU_CLOCK, device.clock, signals.CLOCK_DOMAINS)),
    Family(
        "clock_limits",
        each(signals.GPU_CLOCK_MAX, device.clock_max, signals.CLOCK_DOMAINS),
        is_slow=True,
    ),
    Family("performance_state", (one(signals.GPU_PERFORMANCE_STATE, device.performance_state),)),
    Family("throttle", (table(signals.GPU_THROTTLE_ACTIVE, device.throttle_reasons),)),
    Family(
        "throttle_time",
        fields=tuple(
            Field(id_, signals.GPU_THROTTLE_SECONDS, (reason,), NANO)
            for reason, id_ in _THROTTLE_FIELDS.items()
        ),
    ),
    Family(
        "modes",
        (
            one(signals.GPU_PERSISTENCE, device.persistence_mode),
            one(signals.GPU_ECC_ENABLED, device.ecc_enabled),
        ),
        is_slow=True,
    ),
)
