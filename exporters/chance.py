"""Chance of our own, from the system: whoever embeds us may have seeded Python's global random.

It holds no state, so that processes forked from one another still spread out.
"""

from __future__ import annotations

import random

CHANCE = random.SystemRandom()
