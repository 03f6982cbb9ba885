"""A line's shape: its words, with everything that holds a digit or stands in quotes left open.

No list of masks: a word with a digit is a value, a run of digits is one value, a number with its
unit is one, and so is what quotes enclose. What else varies is learned from the lines.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Shape: TypeAlias = tuple[str, ...]

VALUE: Final = "<*>"
QUANTITY: Final = "\x01"
OPEN: Final = "\x02"
"""What stands for a value until words are made; a word that holds one is a value."""

DIGITS: Final = re.compile(r"\d+")
QUOTED: Final = re.compile(r'"[^"]*"|\'[^\']*\'')
ENDPOINT: Final = re.compile(r"(?<![\w/-])[\w-]*+\.[\w.\-]*+:\d+(?!\w)")
"""A dotted name with a port or a line number; nothing is tried twice, whatever the line holds."""

NOTHING: Final = re.compile(r"\(\s*\)|\[\s*\]")
"""Brackets around a value that is missing just now."""

AMOUNT: Final = re.compile(
    r"<?(?<![\w.])(?<!\d[:,])\d++(?:[.,:]\d++)*+\s*+"
    r"(?:[kKMGTP]i?[bB]|[bB]|bytes?|ms|us|ns|s|secs?|seconds?|mins?|minutes?|hours?|h|days?|%)(?!\w)"
)
NUMBERS: Final = re.compile(r"(?<!\w)\d+(?:[:.,/-]\d+)+(?!\w)")
"""Times, dates, addresses, versions: digits that punctuation joins."""

AGAIN: Final = re.compile(f"{QUANTITY}\\s*\\(\\s*{QUANTITY}\\s*\\)")
"""A quantity and, in brackets, the same in another unit."""

CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
MARKS: Final = '=:,;()\\[\\]{}"|<>\uff0c\uff1a\uff1b\u3002\uff08\uff09\u3010\u3011\u3001'
MOST_WORDS: Final = 128
"""Words that are looked at: twenty thousand shapes of any length stay within some ten megabytes."""
HAS_VALUE: Final = re.compile(f"[{OPEN}\\d]")
WORDS: Final = re.compile(f"[{CJK}]+|[^\\s{MARKS}{CJK}]+|[{MARKS}]")


def key(line: str) -> str:
    """Lines that differ in digits alone have one shape, so one look at it will do."""
    return DIGITS.sub("0", line)


def shape(line: str) -> Shape:
    """The words of a line; neighbouring values are one."""
    words: list[str] = []
    for word in WORDS.findall(_opened(line)):
        if HAS_VALUE.search(word) is None:
            words.append(word)
        elif not words or words[-1] != VALUE:
            words.append(VALUE)
        if len(words) == MOST_WORDS:
            break
    return tuple(words)


def _opened(line: str) -> str:
    line = ENDPOINT.sub(OPEN, line)
    line = NOTHING.sub(f"({OPEN})", line)
    line = QUOTED.sub(f'"{OPEN}"', line)
    line = AMOUNT.sub(QUANTITY, line)
    line = AGAIN.sub(QUANTITY, NUMBERS.sub(OPEN, line))
    return line.replace(QUANTITY, OPEN)
