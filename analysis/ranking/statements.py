"""What a log line stands for: the statement that wrote it, whatever values it carries."""

from __future__ import annotations

from typing import Final

import polars as pl

LOCATION: Final = r"([\w.$/]+(?:#|\.\w{1,5}:)\d+)"
"""A place in the source, as loggers write it: `c.s.UserImpl#31`, `Main.java:12`, `app.py:7`."""

WITH_DIGITS: Final = r"\S*\d\S*"
WORDS: Final = 60
"""Characters of the constant part that tell two statements apart."""

ERROR: Final = r"\bERROR\b|\bFATAL\b|Exception\b"


def statement(body: pl.Expr) -> pl.Expr:
    """The source location where a line tells one, else its words that hold no digit."""
    words = body.str.replace_all(WITH_DIGITS, " ").str.replace_all(r"\s+", " ")
    return pl.coalesce(body.str.extract(LOCATION), words.str.strip_chars().str.slice(0, WORDS))


def is_error(body: pl.Expr) -> pl.Expr:
    """Whether a line reports an error."""
    return body.str.contains(ERROR).fill_null(value=False)
