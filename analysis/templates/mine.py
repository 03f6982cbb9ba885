"""From shapes to templates: which of a shape's words are the statement's and which are values.

Words of one statement come equally often, so in each line the largest set of equally frequent
words is its root (Brain, IEEE TSC 2023). Lines of one length, first word and root are then split
by the columns that take few values; a column of many values, or one that stands between values, is
a value itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from analysis.templates.shape import VALUE, Shape

FEW: Final = 3
"""So many words in one column are still different statements; more are values."""

FREQUENT: Final = 0.5
"""A root's words come at least this often, measured by the line's most frequent one."""

MANY_HEADS: Final = 30
"""So many first words before the same root are values too."""

Root: TypeAlias = tuple[tuple[int, str], ...]


def mine(shapes: Mapping[Shape, int]) -> dict[Shape, str]:
    """The template of every shape; shapes of one statement get the same text."""
    found: dict[Shape, str] = {}
    by_length: dict[int, list[Shape]] = defaultdict(list)
    for shape in sorted(shapes):
        by_length[len(shape)].append(shape)
    for alike in by_length.values():
        for group in _groups(alike, shapes):
            found.update(_split(group))
    return found


def _groups(alike: Iterable[Shape], counts: Mapping[Shape, int]) -> list[list[Shape]]:
    """Shapes of one length, by root and first word."""
    frequency: Counter[tuple[int, str]] = Counter()
    for shape in alike:
        for column in enumerate(shape):
            frequency[column] += counts[shape]
    groups: dict[tuple[Root, str], list[Shape]] = defaultdict(list)
    heads: dict[Root, set[str]] = defaultdict(set)
    for shape in alike:
        root, head = _root(shape, frequency), next(filter(_is_word, shape), "")
        groups[root, head].append(shape)
        heads[root].add(head)
    merged: dict[tuple[Root, str], list[Shape]] = defaultdict(list)
    for (root, head), group in groups.items():
        one = head if not root or len(heads[root]) <= MANY_HEADS else ""
        merged[root, one] += group
    return list(merged.values())


def _root(shape: Shape, frequency: Mapping[tuple[int, str], int]) -> Root:
    words = [column for column in enumerate(shape) if _is_word(column[1])]
    if not words:
        return ()
    enough = FREQUENT * max(frequency[word] for word in words)
    sizes = Counter(frequency[word] for word in words if frequency[word] >= enough)
    chosen = max(sizes, key=lambda count: (sizes[count], count))
    return tuple(word for word in words if frequency[word] == chosen)


def _is_word(word: str) -> bool:
    return word != VALUE and any(letter.isalpha() for letter in word)


def _split(group: list[Shape]) -> dict[Shape, str]:
    """Divide by the column of fewest words until none of few words is left."""
    found: dict[Shape, str] = {}
    waiting = [group]
    while waiting:
        part = waiting.pop()
        values, dividing = _columns(part)
        if dividing is None:
            template = _text(part[0], values)
            found.update(dict.fromkeys(part, template))
            continue
        parts: dict[str, list[Shape]] = defaultdict(list)
        for shape in part:
            parts[shape[dividing]].append(shape)
        waiting += parts.values()
    return found


def _columns(part: list[Shape]) -> tuple[set[int], int | None]:
    """Columns that are values, and the one to divide by next."""
    words = [set(column) for column in zip(*part, strict=True)]
    values = {i for i, seen in enumerate(words) if VALUE in seen or len(seen) > FEW}
    few = [i for i, seen in enumerate(words) if len(seen) > 1 and i not in values]
    while between := [i for i in few if {i - 1, i + 1} <= values]:
        values.update(between)
        few = [i for i in few if i not in values]
    return values, min(few, key=lambda i: (len(words[i]), i), default=None)


def _text(shape: Shape, values: set[int]) -> str:
    words: list[str] = []
    for index, word in enumerate(shape):
        text = VALUE if index in values else word
        if text != VALUE or not words or words[-1] != VALUE:
            words.append(text)
    return " ".join(words)
