"""Templates of a stream of lines, in bounded memory, with a state that is plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from analysis.templates.mine import mine
from analysis.templates.shape import MOST_WORDS, VALUE, Shape, key, shape
from analysis.templates.text import text_of

OTHER: Final = "<other>"
"""The template of lines whose shape was let go of."""

VERSION: Final = 1


class TemplateMiner:
    """Learns templates line by line; one configuration for every log there is.

    At most `max_shapes` shapes are kept: when they are full, the rarest half is let go of, and what
    they stood for counts as `<other>`. What is learned later may refine earlier templates; a text
    is its own name, so that two miners can be compared.
    """

    def __init__(self, *, max_shapes: int = 20_000, max_letters: int = 20_000_000) -> None:
        self._max_shapes, self._max_letters = max_shapes, max_letters
        self._counts: Counter[Shape] = Counter()
        self._shapes: dict[str, Shape] = {}
        self._letters = 0
        self._templates: dict[Shape, str] | None = None
        self._dropped = 0

    def learn(self, bodies: Iterable[str | bytes]) -> None:
        """Count the lines' shapes; their templates are worked out when they are asked for."""
        for body in bodies:
            self._learn(self._shape(body))

    def template(self, body: str | bytes) -> str:
        """The template of a line, `<other>` if nothing like it was learned."""
        return self._mined().get(self._shape(body), OTHER)

    def counts(self) -> dict[str, int]:
        """Lines learned by template."""
        found: Counter[str] = Counter()
        templates = self._mined()
        for kept, count in self._counts.items():
            found[templates[kept]] += count
        return {**found, OTHER: self._dropped} if self._dropped else dict(found)

    def parameters(self, body: str | bytes) -> list[str]:
        """What a line has in its template's open places, in order; empty if it does not fit."""
        words = self.template(body).split(" ")
        rest, found, waiting = text_of(body), [], False
        for word in words:
            if word == VALUE:
                waiting = True
                continue
            before, here, rest = rest.partition(word)
            if not here or (before.strip() and not waiting):
                return []
            if waiting:
                found.append(before.strip())
            waiting = False
        cut = len(words) >= MOST_WORDS
        if rest.strip() and not (waiting or cut):
            return []
        return [*found, rest.strip()] if waiting else found

    def state(self) -> dict[str, Any]:
        """All that was learned, as JSON holds it."""
        kept = [[list(kept), count] for kept, count in sorted(self._counts.items())]
        return {"version": VERSION, "shapes": kept, "dropped": self._dropped}

    @classmethod
    def restored(cls, state: Mapping[str, Any], *, max_shapes: int = 20_000) -> TemplateMiner:
        """A miner that goes on where `state` was taken; what is no state is a ValueError."""
        found = state.get("version") if isinstance(state, Mapping) else state
        if found != VERSION:
            raise ValueError(f"no miner state of version {VERSION}: {found!r}")
        miner = cls(max_shapes=max_shapes)
        try:
            known = {_shape_of(words): _count(count) for words, count in state["shapes"]}
            miner._dropped = _count(state["dropped"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a miner state that is damaged: {error!r}") from None
        miner._counts.update(known)
        while len(miner._counts) > max_shapes:
            miner._let_go()
        return miner

    def _shape(self, body: str | bytes) -> Shape:
        known = self._shapes
        found = known.get(name := key(text_of(body)))
        if found is None:
            self._letters += len(name)
            if self._letters > self._max_letters:
                known.clear()
                self._letters = len(name)
            found = known[name] = shape(name)
        return found

    def _learn(self, found: Shape) -> None:
        if found not in self._counts:
            self._templates = None
            if len(self._counts) >= self._max_shapes:
                self._let_go()
        self._counts[found] += 1

    def _let_go(self) -> None:
        ordered = sorted(self._counts, key=lambda kept: (-self._counts[kept], kept))
        for rare in ordered[max(1, self._max_shapes // 2) :]:
            self._dropped += self._counts.pop(rare)

    def _mined(self) -> dict[Shape, str]:
        if self._templates is None:
            self._templates = mine(self._counts)
        return self._templates


def _shape_of(words: Any) -> Shape:
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"a shape is a list of words, not {words!r:.40}")
    return tuple(words[:MOST_WORDS])


def _count(count: Any) -> int:
    if not isinstance(count, int) or count < 0:
        raise ValueError(f"lines are counted from 0, not {count!r:.40}")
    return count
