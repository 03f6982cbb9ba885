"""Prometheus text 0.0.4 and OpenMetrics 1.0: escaping, headers, pre-rendered sample prefixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from exporters.catalog.signal import Signal, format_bound


def header(signal: Signal) -> str:
    """Write the HELP and TYPE lines of a family."""
    name = signal.name + ("_total" if signal.type == "counter" else "")
    text = signal.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {signal.type}\n"


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


def labels(names: Sequence[str], values: Sequence[str], *extra: str) -> str:
    """Write `{a="x",b="y"}`, or nothing where there are no labels."""
    pairs = [f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)]
    pairs += extra
    return f"{{{','.join(pairs)}}}" if pairs else ""


def sample_prefix(signal: Signal, suffix: str, values: Sequence[str]) -> str:
    """Everything of a sample line but its value."""
    return f"{signal.name}{suffix}{labels(signal.labels, values)} "


def histogram_template(signal: Signal, bounds: Iterable[float], values: Sequence[str]) -> str:
    """A %-template over the cumulative counts, the sum and the count of one label set."""
    buckets = [
        f"{signal.name}_bucket{labels(signal.labels, values, _le(bound))} "
        for bound in (*bounds, float("inf"))
    ]
    plain = [sample_prefix(signal, suffix, values) for suffix in ("_sum", "_count")]
    prefixes = [prefix.replace("%", "%%") for prefix in (*buckets, *plain)]
    *counted, total, count = prefixes
    return "".join(f"{prefix}%d\n" for prefix in counted) + f"{total}%r\n{count}%d\n"


def spell_specials(samples: str) -> str:
    """Spell Python's `nan` and `inf` as Prometheus does; label values never reach a line's end."""
    return (
        samples.replace(" nan\n", " NaN\n")
        .replace(" inf\n", " +Inf\n")
        .replace(" -inf\n", " -Inf\n")
    )


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _le(bound: float) -> str:
    return f'le="{format_bound(bound)}"'
