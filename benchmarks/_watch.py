"""A real `busysignal watch` in a process of its own, to be flooded, killed and begun again."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]


class Watch:
    """One `watch` on the files of `place`; sections of the config as keywords."""

    def __init__(self, place: Path, **sections: dict[str, object]) -> None:
        self.place = place
        given: dict[str, dict[str, object]] = {
            "telemetry": {"kind": "none"}, **sections,
            "watch": {
                "port": 0, "database": str(place / "watch.sqlite"),
                "verdicts": str(place / "verdicts"), **sections.get("watch", {}),
            },
        }  # fmt: skip
        lines: list[str] = []
        for name, values in given.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(values[key])}" for key in values)]
        self.config = place / "busysignal.toml"
        self.config.write_text("\n".join(lines), encoding="utf-8")
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Begin, or begin again, and wait until it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "busysignal", "watch", "--config", str(self.config)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def kill(self) -> None:
        """As a power cut would: no farewell."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()
            self.process = None

    def post(self, body: object) -> bool:
        """Whether it was taken; Alertmanager sends again what was not."""
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.post(f"{self.url}/alerts", json=body, timeout=20, trust_env=False)
            return answer.status_code == 200
        return False

    def get(self, path: str) -> httpx.Response:
        """What it answers at `path`."""
        return httpx.get(f"{self.url}{path}", timeout=20, trust_env=False)

    def answered(self) -> list[dict[str, object]]:
        """Incidents that have a verdict of which everyone was told."""
        found = self.get("/incidents").json()
        return [one for one in found if one["state"] == "answered" and one["published"]]
