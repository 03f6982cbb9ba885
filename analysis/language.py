"""The language that verdicts and pages speak: English in the code, Chinese from one table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from alerts.messages import Language

TABLE = Path(__file__).with_name("zh.toml")
PLACE = re.compile(r"\{(\w+)\}")
BETWEEN_CHINESE = re.compile(r"(?<=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]) (?=[\u4e00-\u9fff])")
"""A space that a template left between two Chinese characters, where none belongs."""
TELLING = 8
"""A sentence with fewer letters between its places would be found in anything."""

_spoken: ContextVar[Language] = ContextVar("language", default="en")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak this language inside the block, in this thread."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> Language:
    """The language of this thread; English unless someone said otherwise."""
    return _spoken.get()


def say(sentence: str, **parts: str) -> str:
    """The sentence with its parts, in the language spoken.

    What nobody translated is said in English: at night a page in the wrong language is better than
    none. A test names what is missing.
    """
    if spoken() == "en":
        return sentence.format(**parts)
    told = sentences().get(sentence, sentence).format(**parts)
    return BETWEEN_CHINESE.sub("", told)


def echo(finished: str) -> str:
    """A sentence that someone else finished in English, in the language spoken if it is known."""
    if spoken() == "en":
        return finished
    if finished in sentences():
        return say(finished)
    for sentence, pattern in _patterns().items():
        if found := pattern.fullmatch(finished):
            return say(sentence, **found.groupdict())
    return finished


@cache
def sentences() -> dict[str, str]:
    """Chinese by English, both with places such as `{entity}`."""
    found: dict[str, str] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return found


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    def pattern(sentence: str) -> re.Pattern[str]:
        plain = re.escape(PLACE.sub(r"<\1>", sentence))
        return re.compile(re.sub(r"<(\w+)>", r"(?P<\1>.+)", plain))

    return {
        sentence: pattern(sentence)
        for sentence in sentences()
        if PLACE.search(sentence) and sum(map(str.isalpha, PLACE.sub("", sentence))) >= TELLING
    }
