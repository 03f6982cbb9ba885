"""A package's public names, each loaded from its module when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`: `homes` names the module below it in which each name lives.

    A name that is also its module's is refused: once imported, the module would stand there.
    """
    if clash := sorted(name for name in homes if name in homes.values()):
        raise ValueError(f"{package}: {clash} are modules as well; rename the modules")

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
