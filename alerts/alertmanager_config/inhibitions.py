"""What silences what: the page its warnings, the lost device its symptoms, the region its parts."""

from __future__ import annotations

from typing import Any

SYMPTOMS = "Latency.*|Queue.*|KVCacheFull|SuccessLow|GpuThrottled.*|GpuBusy|KernelSlow.*"
PARTS = "Replica.*|Gpu.*|KVCacheFull|Kernel.*"

Rule = dict[str, Any]


def inhibitions() -> list[Rule]:
    """The rules, widest first."""
    # One dead gateway of three must not hide what the other two tell, so TargetDown with an
    # instance silences no page; when none is left, what they told ends by itself.
    return [
        _silences(['severity = "page"'], 'severity =~ "warning|ticket"'),
        _silences(['alertname = "GpuDown"'], f'alertname =~ "{SYMPTOMS}"'),
        _silences(
            ['alertname = "TargetDown"', 'job = "gateway"', 'instance = ""'],
            f'alertname =~ "{PARTS}"',
        ),
    ]


def _silences(source: list[str], target: str) -> Rule:
    return {
        # Only alerts that belong to a service silence others: without it everything would match.
        "source_matchers": [*source, 'service != ""'],
        "target_matchers": [target],
        # The region is an external label of a Prometheus that serves one; where there is none,
        # its absence is equal, too.
        "equal": ["service", "region"],
    }
