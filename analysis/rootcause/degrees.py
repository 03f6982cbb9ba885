"""How far a statement about a shift holds, from 0 (no) to 1 (fully); all without units."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import replace

from analysis.detectors import Shift

SIGMAS = (4.0, 8.0)
"""Below the first a shift is noise, above the second it is certain."""

RATIO = (1.2, 1.8)
"""Below the first a shift does not matter, above the second it matters fully."""


def ramp(value: float, low: float, high: float) -> float:
    """0 at `low` and under, 1 at `high` and over, straight between."""
    if math.isnan(value):
        return 0.0
    return min(1.0, max(0.0, (value - low) / (high - low)))


SURGE = (1.6, 3.2)
"""Traffic wanders by less than the first within an hour; the second nobody calls usual."""

SOON = (12.0, 24.0)
"""Samples after a change in which what follows is its doing, surely and hardly."""
BLURRED = 8.0
"""Samples by which an onset may be dated before its cause."""


def follows(samples: float) -> float:
    """Whether something that moved so many samples after a change is its doing."""
    return min(1.0 - ramp(samples, *SOON), 1.0 - ramp(-samples, BLURRED, 2 * BLURRED))


def _log(ratio: float) -> float:
    if ratio <= 0:
        return -math.inf
    return math.log(ratio) if math.isfinite(ratio) else math.inf


def rise(shift: Shift | None, low: float = RATIO[0], high: float = RATIO[1]) -> float | None:
    """Went up: certain beyond noise, and by a factor that matters."""
    if shift is None:
        return None
    if shift.sigmas <= 0 or shift.after <= shift.before:
        return 0.0
    size = 1.0 if shift.before <= 0 else ramp(_log(shift.ratio), math.log(low), math.log(high))
    return ramp(shift.sigmas, *SIGMAS) * size


def fall(shift: Shift | None, low: float = RATIO[0], high: float = RATIO[1]) -> float | None:
    """Went down: the mirror of `rise`."""
    if shift is None:
        return None
    if shift.sigmas >= 0 or shift.after >= shift.before:
        return 0.0
    size = 1.0 if shift.after <= 0 else ramp(-_log(shift.ratio), math.log(low), math.log(high))
    return ramp(-shift.sigmas, *SIGMAS) * size


def lasting_rise(shift: Shift | None) -> float | None:
    """Went up and was still up at the end."""
    up = rise(shift)
    if up is None or shift is None or up == 0:
        return up
    return up * _kept(shift)


def _kept(shift: Shift) -> float:
    """How much of a rise is left at the end, from hardly any to enough."""
    return ramp((shift.last - shift.before) / (shift.after - shift.before), 0.2, 0.5)


def share_rise(shift: Shift | None, low: float = 0.01, high: float = 0.05) -> float | None:
    """A share of all requests went up by points that users notice."""
    if shift is None:
        return None
    return ramp(shift.sigmas, *SIGMAS) * ramp(shift.after - shift.before, low, high)


def lasting_share(shift: Shift | None) -> float | None:
    """A share went up by points that users notice, and was still up at the end."""
    if shift is None:
        return None
    # Two stray failures long before must not hide in the mean what most calls meet at the end.
    highest = replace(shift, after=max(shift.after, shift.last))
    up = share_rise(highest) or 0.0
    return up * _kept(highest) if up else 0.0


def rare(shift: Shift | None) -> float | None:
    """Something happens, and to few: 1 below one in a hundred, 0 from one in twenty on."""
    most = 0.0 if shift is None else max(shift.after, shift.last)
    return 1.0 - ramp(most, 0.01, 0.05) if most > 0 else None


def frequent(shift: Shift | None) -> float | None:
    """Something happens, and to many: from one in a hundred on, fully from one in twenty on."""
    if shift is None:
        return None
    return ramp(shift.sigmas, *SIGMAS) * ramp(shift.after - shift.before, 0.01, 0.05)


def surge(shift: Shift | None) -> float | None:
    """Rose to stay by far more than traffic wanders within an hour."""
    lasting = lasting_rise(shift)
    size = rise(shift, *SURGE)
    return None if lasting is None or size is None else min(lasting, size)


def climbs(shift: Shift | None) -> float | None:
    """Went up and kept going up: the end is well above the middle of the rise."""
    up = rise(shift, 1.1, 1.4)
    if up is None or shift is None or up == 0:
        return up
    return up * ramp((shift.last - shift.before) / (shift.after - shift.before), 1.05, 1.25)


def dominates(shift: Shift | None) -> float | None:
    """A share that was small and is most of the whole now."""
    if shift is None:
        return None
    return ramp(shift.sigmas, *SIGMAS) * ramp(shift.after - shift.before, 0.15, 0.4)


def full(shift: Shift | None) -> float | None:
    """A bounded share sits at its end, and did not before."""
    if shift is None:
        return None
    near = ramp(max(shift.after, shift.last), 0.8, 0.95)
    return near * ramp(shift.after - shift.before, 0.02, 0.15)


def stands_out(shift: Shift | None, sisters: Iterable[Shift | None]) -> float | None:
    """Went up to stay, and by far more than its sisters; None without sisters to compare with."""
    known = [sister for sister in sisters if sister is not None and sister.before > 0]
    up = lasting_rise(shift)
    if shift is None or up is None or not known:
        return None
    theirs = statistics.median(max(sister.ratio, 1e-9) for sister in known)
    return up * ramp(_log(shift.ratio / theirs), math.log(1.3), math.log(2.0))
