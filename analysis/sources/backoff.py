"""Patience with a busy server: a jittered backoff of our own, within a bound of time.

elasticsearch-py repeats a 429 at once, several times within milliseconds, which makes a busy
server busier: its own retries stay off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from analysis.sources.errors import BusyError
from exporters.chance import CHANCE

ResultT = TypeVar("ResultT")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


def patiently(call: Callable[[], ResultT], seconds: float) -> ResultT:
    """Call until it does not raise BusyError; after `seconds` let that error out."""
    deadline = time.monotonic() + seconds
    longest = FIRST_PAUSE
    while True:
        try:
            return call()
        except BusyError as error:
            pause = max(error.pause_seconds, CHANCE.uniform(0.5, 1.0) * longest)
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        longest = min(LONGEST_PAUSE, 2 * longest)
