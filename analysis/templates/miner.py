"""Templates of a stream of lines, in bounded memory, with a state that is plain JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from analysis.templates.mine import mine
from analysis.templates.shape import VALUE, Shape, key, shape
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

    def __init__(self, *, max_shapes: int = 20_000, max_keys: int = 100_000) -> None:
        self._max_shapes, self._max_keys = max_shapes, max_keys
        self._counts: Counter[Shape] = Counter()
        self._shapes: dict[str, Shape] = {}
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
        pieces = [re.escape(word) for word in self.template(body).split(" ")]
        pattern = r"\s*".join(pieces).replace(re.escape(VALUE), r"(.*?)")
        found = re.fullmatch(pattern, text_of(body), re.DOTALL)
        return [value.strip() for value in found.groups()] if found else []

    def state(self) -> dict[str, Any]:
        """All that was learned, as JSON holds it."""
        kept = [[list(kept), count] for kept, count in sorted(self._counts.items())]
        return {"version": VERSION, "shapes": kept, "dropped": self._dropped}

    @classmethod
    def restored(cls, state: Mapping[str, Any], *, max_shapes: int = 20_000) -> TemplateMiner:
        """A miner that goes on where `state` was taken; what is no state is a ValueError."""
        if state.get("version") != VERSION:
            raise ValueError(f"no miner state of version {VERSION}: {state.get('version')!r}")
        miner = cls(max_shapes=max_shapes)
        for words, count in state["shapes"]:
            miner._counts[tuple(map(str, words))] = int(count)
        miner._dropped = int(state["dropped"])
        return miner

    def _shape(self, body: str | bytes) -> Shape:
        known = self._shapes
        found = known.get(name := key(text_of(body)))
        if found is None:
            if len(known) >= self._max_keys:
                known.clear()
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
        for rare in ordered[self._max_shapes // 2 :]:
            self._dropped += self._counts.pop(rare)

    def _mined(self) -> dict[Shape, str]:
        if self._templates is None:
            self._templates = mine(self._counts)
        return self._templates
