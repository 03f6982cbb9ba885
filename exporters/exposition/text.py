"""Prometheus text 0.0.4 and OpenMetrics 1.0: escaping, headers, pre-rendered sample prefixes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from exporters.catalog.signal import Histogram, Signal, format_bound


def header(signal: Signal) -> str:
    """Write the HELP and TYPE lines of a family."""
    name = signal.name + ("_total" if signal.type == "counter" else "")
    text = signal.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {signal.type}\n"


LABELS_BEFORE_LE, LABELS = "\0", "\1"
COUNTER_HEADER = re.compile(
    r"^# HELP ([^ \n]+)_total (.*)\n# TYPE \1_total counter$|^# HELP ([^ \n]+) (.*)$", re.MULTILINE
)


def openmetrics(page: str) -> str:
    """Rewrite text 0.0.4 as OpenMetrics: counters are named without `_total`, quotes escaped.

    The `# EOF` that ends a whole page is not added here. Samples are the same in both formats as
    we write them: `le` is a float's shortest form, and every counter's sample ends in `_total`.
    """
    return COUNTER_HEADER.sub(_openmetrics_header, page)


def _openmetrics_header(found: re.Match[str]) -> str:
    counter, its_help, other, help_ = found.groups()
    if counter is None:
        return f"# HELP {other} {_quoted(help_)}"
    return f"# HELP {counter} {_quoted(its_help)}\n# TYPE {counter} counter"


def _quoted(text: str) -> str:
    return text.replace('"', r"\"")


def exemplar(trace_id: str, value: float, timestamp: float) -> str:
    """What follows a bucket's sample: the trace of one request that fell into it."""
    # OpenMetrics allows 128 characters for an exemplar's labels
    return f' # {{trace_id="{_escape(clean(trace_id)[:64])}"}} {float(value)!r} {timestamp:.3f}'


def clean(value: object) -> str:
    """Make a label value that UTF-8 can carry."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Write `{a="x",b="y"}`, or nothing where there are no labels."""
    pairs = [f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def sample_prefix(signal: Signal, suffix: str, values: Sequence[str]) -> str:
    """Everything of a sample line but its value."""
    return f"{signal.name}{suffix}{labels(signal.labels, values)} "


@cache
def histogram_template(signal: Histogram) -> str:
    """A %-template over the cumulative counts, the sum and the count of any one label set.

    One for all label sets of the family: where their labels go stand LABELS_BEFORE_LE and LABELS.
    """
    buckets = [
        f'{signal.name}_bucket{{{LABELS_BEFORE_LE}le="{format_bound(bound)}"}} %d\n'
        for bound in (*signal.buckets, float("inf"))
    ]
    name = signal.name
    return "".join([*buckets, f"{name}_sum{LABELS} %r\n{name}_count{LABELS} %d\n"])


def labelled(lines: str, labels: str) -> str:
    """Put a label set where a template leaves room for it."""
    before_le = f"{labels[1:-1]}," if labels else ""
    if LABELS not in labels:
        return lines.replace(LABELS_BEFORE_LE, before_le).replace(LABELS, labels)
    parts = [part.replace(LABELS_BEFORE_LE, before_le) for part in lines.split(LABELS)]
    return labels.join(parts)


def spell_specials(samples: str) -> str:
    """Spell Python's `nan` and `inf` as Prometheus does; label values never reach a line's end."""
    return (
        samples.replace(" nan\n", " NaN\n")
        .replace(" inf\n", " +Inf\n")
        .replace(" -inf\n", " -Inf\n")
    )


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
