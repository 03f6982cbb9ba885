"""What a log line stands for: the statement that wrote it, whatever values it carries."""

from __future__ import annotations

from typing import Final

import polars as pl

LOCATION: Final = r"([\w.$/]+(?:#|\.[A-Za-z]\w{0,4}:)\d+)"
"""A place in the source, as loggers write it: `c.s.UserImpl#31`, `Main.java:12`, `app.py:7`."""

MESSAGE: Final = r'\b(?:message|msg)\\*"\s*:\s*\\*"(.+)'
"""What a JSON line says, its quotes escaped or not; what stands before it is the same in all."""

WITH_DIGITS: Final = r"\S*\d\S*"
WORDS: Final = 120
"""Characters of the constant part that tell two statements apart."""

ERROR: Final = (
    r"\bERROR\b|\bFATAL\b|Exception\b|(?i:\b(?:severity|level)\W{1,6}(?:error|fatal|critical)\b)"
)
"""A level as words or as a field, or an exception."""


def statement(body: pl.Expr) -> pl.Expr:
    """The source location where a line tells one, else its words."""
    return pl.coalesce(body.str.extract(LOCATION), words(body))


def words(body: pl.Expr) -> pl.Expr:
    """What a line says, without what holds a digit."""
    said = pl.coalesce(body.str.extract(MESSAGE), body)
    constant = said.str.replace_all(WITH_DIGITS, " ").str.replace_all(r"\s+", " ")
    return constant.str.strip_chars().str.slice(0, WORDS)


def is_error(body: pl.Expr) -> pl.Expr:
    """Whether a line reports an error."""
    return body.str.contains(ERROR).fill_null(value=False)
