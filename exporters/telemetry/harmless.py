"""Whatever goes wrong in telling of a request is kept from the request, and told on the log."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

log = logging.getLogger(__name__)

P = ParamSpec("P")

_complained: set[str] = set()


def harmless(function: Callable[P, None]) -> Callable[P, None]:
    """Make a function that tells something, and returns nothing, safe to call."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the point: telling never breaks serving
            complain(function.__qualname__, error)

    return guarded


def complain(what: str, error: Exception) -> None:
    """Log the error; once for each place, for it may come with every request."""
    with contextlib.suppress(Exception):
        if what not in _complained:
            _complained.add(what)
            log.warning("%s failed, which is told once; requests go on", what, exc_info=error)
