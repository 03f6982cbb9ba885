"""Numbers and names as people read them on a page."""

from __future__ import annotations

from alerts.messages import words as table
from analysis.language import say, spoken
from analysis.quantities import BY_KEY
from analysis.rootcause.testimony import Witness

ROUNDS = 0.005


def number(value: float, unit: str) -> str:
    """`0.0123 s` as 12.3 ms, a ratio as per cent, a boolean as yes or no, a rate with its unit."""
    if unit == "seconds":
        return _seconds(value)
    if unit == "bytes":
        return _bytes(value)
    if unit == "ratio":
        return f"{100 * value:.3g} %"
    if unit == "boolean":
        return _boolean(value)
    short = {
        "requests/second": "/s", "tokens/second": " tokens/s", "events/second": "/s",
        "tokens": " tokens", "celsius": " °C", "watts": " W",
    }  # fmt: skip
    return (
        f"{value:.3g}{short.get(unit, '')}"
        if abs(value) < 1000
        else (f"{value:,.0f}{short.get(unit, '')}")
    )


def _seconds(value: float) -> str:
    if abs(value) < 0.9995:
        return f"{1000 * value:.3g} ms"
    return f"{value:.3g} s"


def _boolean(share: float) -> str:
    """A mean over a window: what was neither never nor always so was so for a part of it."""
    if share < ROUNDS:
        return say("no")
    return (
        say("yes")
        if share > 1 - ROUNDS
        else say("{share} of the time", share=number(share, "ratio"))
    )


def _bytes(value: float) -> str:
    for short, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if abs(value) >= size:
            return f"{value / size:.3g} {short}"
    return f"{value:.0f} bytes"


def name(entity: str) -> str:
    """`replica/r1` as a person says it: replica r1."""
    kind, _, own = entity.partition("/")
    if kind == "gpu":
        return f"GPU {own}"
    return f"{say(kind)} {own}" if own else say(f"the {kind}" if kind != "clients" else kind)


def cause(kind: str) -> str:
    """`slow_replica` as a person says it: slow replica."""
    return table.kind_title(kind, spoken())


def remedy(kind: str) -> str:
    """What to do about a kind of cause."""
    return table.kind(kind, spoken()).remedy


def what(quantity: str, part: str) -> str:
    """The quantity with its part: share of requests refused (queue full)."""
    if quantity == "phase":
        return say("time of a slow request in {part}", part=part)
    words = say(BY_KEY[quantity].words)
    return say("{words} ({part})", words=words, part=part.replace("_", " ")) if part else words


def unit(quantity: str) -> str:
    """The unit of a quantity; times taken from spans are seconds."""
    return "seconds" if quantity == "phase" else BY_KEY[quantity].unit


def log(entity: str, statement: str, *, new: bool) -> str:
    """`replica r1 logs for the first time: KeyError`."""
    said = "{entity} logs for the first time: {statement}"
    if not new:
        said = "{entity} logs far more often: {statement}"
    return say(said, entity=name(entity), statement=statement)


def step(witness: Witness) -> str:
    """`12 ms → 61 ms`."""
    of = unit(witness.quantity)
    return f"{number(witness.before, of)} → {number(witness.after, of)}"


def change(witness: Witness) -> str:
    """`mean time of a forward pass (decode) 12 ms → 61 ms`."""
    return f"{what(witness.quantity, witness.part)} {step(witness)}"
