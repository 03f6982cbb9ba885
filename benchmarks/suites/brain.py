"""Brain (Yu et al., IEEE Transactions on Services Computing 2023), written from its paper.

One configuration for every set: its child threshold, which the paper sets for each, is fixed, and
its masks, which the paper lists for each, are the words that hold a digit.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

CHILDREN: Final = 4
WEIGHT: Final = 0.5
WORDS: Final = re.compile(r"[^\s=:,]+|[=:,]")
Words = tuple[str, ...]


def group(contents: Sequence[str]) -> list[tuple[object, ...]]:
    """The pattern of each line."""
    lines = [_words(content) for content in contents]
    frequency: Counter[tuple[int, int, str]] = Counter()
    for words in lines:
        frequency.update((len(words), place, word) for place, word in enumerate(words))
    trees: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, words in enumerate(lines):
        trees[len(words), *_longest(words, frequency)].append(index)
    found: list[tuple[object, ...]] = [()] * len(lines)
    for root, members in trees.items():
        _descend(root, members, lines, found)
    return found


def _words(content: str) -> Words:
    return tuple("*" if any(map(str.isdigit, word)) else word for word in WORDS.findall(content))


def _longest(words: Words, frequency: Counter[tuple[int, int, str]]) -> Words:
    """The longest combination of equally frequent words."""
    counts = [
        0 if word == "*" else frequency[len(words), place, word] for place, word in enumerate(words)
    ]
    enough = WEIGHT * max(counts, default=0)
    sizes = Counter(count for count in counts if count and count >= enough)
    chosen = max(sizes, key=lambda count: (sizes[count], count), default=-1)
    return tuple(word if count == chosen else "" for word, count in zip(words, counts, strict=True))


def _descend(
    root: tuple[object, ...],
    members: list[int],
    lines: Sequence[Words],
    found: list[tuple[object, ...]],
) -> None:
    """Split by the columns of few words, fewest first."""
    columns = [{lines[index][place] for index in members} for place in range(len(root) - 1)]
    few = [i for i, seen in enumerate(columns) if 1 < len(seen) <= CHILDREN and "*" not in seen]
    if not few:
        for index in members:
            found[index] = root
        return
    place = min(few, key=lambda column: len(columns[column]))
    parts: dict[str, list[int]] = defaultdict(list)
    for index in members:
        parts[lines[index][place]].append(index)
    for word, part in parts.items():
        fixed = list(root)
        fixed[place + 1] = word
        _descend(tuple(fixed), part, lines, found)
