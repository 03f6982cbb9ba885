"""Alertmanager: its version, and that alerts go on to `busysignal watch`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import yaml

from analysis.doctor.finding import Finding, get, judged, version

OLDEST = (0, 25)
RENDER = "busysignal rules, then reload Alertmanager"
VERDICTS = "verdicts: pages come without a cause"
PATH = "/alerts"
"""Where `watch` takes alerts."""


def look(url: str, client: httpx.Client, *, guarded: bool) -> Iterator[Finding]:
    """One finding for each thing that can be wrong with an Alertmanager that answers."""
    status = get(client, f"{url}/api/v2/status")
    yield version("Alertmanager", status["versionInfo"]["version"], OLDEST)
    hooks = list(_hooks(yaml.safe_load(status["config"]["original"])))
    yield judged(
        "Alertmanager → watch", ok=bool(hooks),
        seen="a webhook receiver is configured" if hooks else "no webhook receiver",
        blinds=VERDICTS, remedy=RENDER,
    )  # fmt: skip
    if hooks and guarded:
        known = any("authorization" in hook.get("http_config", {}) for hook in hooks)
        yield judged(
            "token of watch", ok=known,
            seen="sent" if known else "watch wants a bearer token and Alertmanager sends none",
            blinds=VERDICTS,
            remedy=f"set rules.receivers.watch_token_file; {RENDER}",
        )  # fmt: skip


def _hooks(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for receiver in config.get("receivers", ()):
        for hook in receiver.get("webhook_configs", ()):
            # Alertmanager hides addresses in what it tells of itself, from 0.25 on.
            if hook.get("url", "").endswith(PATH) or "secret" in hook.get("url", ""):
                yield hook
