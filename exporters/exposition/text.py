"""Prometheus text format 0.0.4: escaping, headers and pre-rendered sample prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporters.catalog.signal import Signal, format_bound


def header(signal: Signal) -> str:
    """Write the HELP and TYPE lines of a family."""
    name = signal.name + ("_total" if signal.type == "counter" else "")
    text = signal.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {signal.type}\n"


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
