"""Raises at the beginning of one chosen call of a measuring function, whichever there are."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import Any

NOTHING = "nothing"


class BrokenError(Exception):
    """What no measuring function is known to raise."""


class Breaker:
    """Watches the calls of this thread's functions in `rooms`, but for the `guards`.

    Guards are the functions that the framework or the app calls: they hold the `try`, or hand on
    what they were given. Both are prefixes of `module.qualified_name`.
    """

    def __init__(self, rooms: Collection[str], guards: Collection[str]) -> None:
        self._rooms, self._guards = tuple(rooms), frozenset(guards)
        self._name: str | None = None
        self.calls: list[str] = []

    @contextlib.contextmanager
    def breaking(self, name: str | None) -> Iterator[None]:
        """Break the first call of the function of this name; None only writes calls down."""
        before = sys.gettrace()
        self._name, self.calls = name, []
        gc.disable()  # what it runs is nobody's call
        sys.settrace(self._watch)
        try:
            yield
        finally:
            sys.settrace(before)
            gc.enable()

    def _watch(self, frame: FrameType, event: str, _: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        if event != "call" or not module.startswith(self._rooms):
            return
        name = f"{module}.{frame.f_code.co_qualname}"
        if name in self._guards or "<genexpr>" in name:
            return
        self.calls.append(name)
        if name == self._name:
            self._name = None
            raise BrokenError(name)


def each_break(breaker: Breaker, make: Callable[[], Callable[[], object]]) -> dict[str, object]:
    """What a fresh `make()()` returns when nothing breaks, and when the function named does."""
    make()()  # what is computed once for the process
    run = make()
    with breaker.breaking(None):
        told: dict[str, object] = {NOTHING: run()}
    for name in set(breaker.calls):
        run = make()
        with breaker.breaking(name):
            told[name] = run()
        assert name in breaker.calls, f"{name} was not called again"
    return told


def differing(told: dict[str, object]) -> dict[str, object]:
    """The functions whose breaking was felt, and how."""
    return {name: felt for name, felt in told.items() if felt != told[NOTHING]}
