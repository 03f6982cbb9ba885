"""The config file of BusySignal's own processes in the demo: everything faster, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from demo.servers import RunFolder
from exporters.telemetry.section import TelemetrySection


def text(
    run: RunFolder,
    urls: Mapping[str, str],
    telemetry: TelemetrySection,
    time_scale: int,
    *,
    pager_url: str,
) -> str:
    """TOML of every section; `urls` are those of the processes by name."""
    ports = {name: urlsplit(url).port for name, url in urls.items()}
    sections: dict[str, Mapping[str, object]] = {
        "rules": {"time_scale": time_scale, "scrape_interval_seconds": 1},
        "prometheus": {"url": urls["prometheus"]},
        "telemetry": telemetry.model_dump(mode="json", include={"kind", "url", "store_dir"}),
        "elasticsearch": {"url": telemetry.url},
        "alertmanager": {"url": urls["alertmanager"]},
        **_devices(run, ports),
        "watch": {
            "port": ports["watch"],
            "database": str(run.path / "watch.sqlite"),
            "verdicts": str(run.folder("verdicts")),
            "pager_url": pager_url,
        },
    }
    return "\n".join(_toml(name, values) for name, values in sections.items())


def _devices(run: RunFolder, ports: Mapping[str, int | None]) -> dict[str, Mapping[str, object]]:
    """The exporters of simulated GPUs, where there are any."""
    if "gpu" not in ports:
        return {}
    return {
        "gpu": {"port": ports["gpu"]},
        "probe": {
            "port": ports["probe"],
            "device": "demo.probe_device:simulated_gpus",
            "interval_seconds": 0.5,
            "duty_ratio": 0.1,
            "baseline_samples": 10,
            "baseline_file": str(run.path / "kernel-baseline.json"),
        },
    }


def _toml(section: str, values: Mapping[str, object]) -> str:
    lines = [f"{key} = {_literal(value)}" for key, value in values.items()]
    return "\n".join([f"[{section}]", *lines, ""])


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
