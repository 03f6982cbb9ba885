"""Detectors behind the scikit-learn API: is a signal still what it was?"""

from analysis.detectors.alarms import Latch
from analysis.detectors.calibration import Tail
from analysis.detectors.level import Floats, LevelShift, Shift
from analysis.detectors.series import SeriesStream

__all__ = ("Floats", "Latch", "LevelShift", "SeriesStream", "Shift", "Tail")
