"""The few shapes of query that every recording repeats, written for reading."""

from __future__ import annotations

from decimal import Decimal
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporters.catalog.signal import Histogram, Recorded, Selector


def rate(signal: Recorded, selector: Selector, window: str) -> str:
    """Events per second, by the labels the recorded signal keeps."""
    return f"sum by ({', '.join(signal.labels)}) (rate({selector}[{window}]))"


def share(part: str, whole: str) -> str:
    """`part` of `whole`: 0 while only the whole has series, no series while nothing happens."""
    return f"(\n{indent(part, '  ')}\n  or\n  0 * {whole}\n)\n/\n({whole} > 0)"


def mean(signal: Recorded, histogram: Histogram, window: str, **where: str) -> str:
    """Mean of a histogram over the window; no series while nothing happens."""
    total = rate(signal, histogram.sum.where(**where), window)
    count = rate(signal, histogram.count.where(**where), window)
    return f"{total}\n/\n({count} > 0)"


def quantile(level: str, signal: Recorded, histogram: Histogram, window: str, **where: str) -> str:
    """Quantile of a histogram over the window; no series while nothing happens."""
    labels = ", ".join((*signal.labels, "le"))
    bucket = histogram.bucket.where(**where)
    count = rate(signal, histogram.count.where(**where), window)
    return (
        f"histogram_quantile(\n  {level},\n"
        f"  sum by ({labels}) (rate({bucket}[{window}]))\n)\nand\n({count} > 0)"
    )


def number(value: float) -> str:
    """A threshold as a person writes it: `50`, `0.95`."""
    return str(int(value)) if value == int(value) else repr(float(value))


def percent(value: float | Decimal) -> str:
    """A share as Prometheus' humanizePercentage writes it: `99.5%`."""
    return f"{(Decimal(str(value)) * 100).normalize():f}%"
