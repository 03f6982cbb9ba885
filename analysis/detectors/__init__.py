"""Detectors: is a signal still what it was? One calibration gives each of them its p-value.

| question | detector | in |
| --- | --- | --- |
| did a column leave the level it had? | `LevelShift` | here |
| is a value of one series surprising, given those before it? | `SeriesStream` | here |
| many p-values: which are findings? | `adjusted`, `persistent`, `combined` | here |
| is a value unusual for this time of the day or week? | `SeasonalBaseline` | `seasonal` |
| where did a series change? | `change_point` | `change` |
| did a rate or a share of failures change? | `rate_change`, `share_change` | `counts` |
| did requests get slower; did their mix change? | `latency_shift`, `mix_drift` | `histograms` |
| are values unusual together? | `Calibrated`, `ResidualPCA`, `together` | `multivariate` |
| slower by itself, or because the work was more? | `WorkloadAdjusted` | `workload` |

The last six are imported from their modules, as scipy's statistics take a second to load.
"""

from analysis.detectors.alarms import Latch
from analysis.detectors.calibration import Tail
from analysis.detectors.discovery import adjusted, combined, persistent
from analysis.detectors.level import Floats, LevelShift, Shift
from analysis.detectors.series import Scored, SeriesStream

__all__ = (
    "Floats",
    "Latch",
    "LevelShift",
    "Scored",
    "SeriesStream",
    "Shift",
    "Tail",
    "adjusted",
    "combined",
    "persistent",
)
