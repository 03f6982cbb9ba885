"""Sizes of the kernels, by model: read from `presets.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from exporters.settings import Section

PRESETS: Final = Path(__file__).with_name("presets.toml")
DECODE_TOKENS: Final = (1, 8, 64)
"""Sequences that decode together: rows of the skinny matrix product."""


class Shapes(Section):
    """Sizes of one model's kernels; counts of elements but for the two in bytes."""

    about: str
    prefill_tokens: int
    attention_tokens: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_size: int
    context: int
    sequences: int
    copy_bytes: int
    pool_bytes: int


@cache
def presets() -> dict[str, Shapes]:
    """Every preset by its name."""
    found = tomllib.loads(PRESETS.read_text(encoding="utf-8"))
    return {name: Shapes.model_validate(sizes) for name, sizes in found.items()}
