"""What one look found: whether it is well, what was seen, what a gap blinds, what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `blinds` and `remedy` are empty where it is well."""

    subject: str
    ok: bool
    seen: str
    blinds: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        if self.ok:
            return f"ok   {self.subject}: {self.seen}"
        return f"MISS {self.subject}: {self.seen}\n     blinds {self.blinds}; {self.remedy}"


def judged(subject: str, *, ok: bool, seen: str, blinds: str, remedy: str) -> Finding:
    """A finding that tells what is blind and what to do only where it is not well."""
    return Finding(subject, ok, seen, "" if ok else blinds, "" if ok else remedy)


def version(name: str, text: str, oldest: tuple[int, int]) -> Finding:
    """Whether a server is new enough for what is rendered for it."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", text)[:2])
    return judged(
        name, ok=numbers >= oldest, seen=f"version {text}",
        blinds="rules that an older version cannot read",
        remedy=f"upgrade to {oldest[0]}.{oldest[1]} or later",
    )  # fmt: skip


def get(client: httpx.Client, url: str, **params: str) -> Any:
    """The JSON answer to a GET; raises httpx.HTTPError or ValueError."""
    response = client.get(url, params=params)
    response.raise_for_status()
    return response.json()
