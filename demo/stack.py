"""The servers and BusySignal's own processes, started once and shared by all runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
import yaml

from alerts import prometheus_config
from alerts.config import RulesSection
from alerts.prometheus_config import Target
from alerts.render import texts
from demo import own_config, own_rules
from demo.device.shim import build_shim
from demo.device.state import STATE_VARIABLE
from demo.own_rules import TIME_SCALE
from demo.pager import ENRICHED, Pager
from demo.servers import (
    Elasticsearch,
    RunFolder,
    start_alertmanager,
    start_elasticsearch,
    start_node_exporter,
    start_prometheus,
)
from demo.servers.process import Command, ServerProcess
from demo.service.accelerator import Accelerator
from exporters.catalog.neutral import KERNEL_SLOWDOWN, TARGET_UP
from exporters.errors import ServerMissingError
from exporters.telemetry.section import TelemetrySection

GPUS = 2
LOOK_AWAY_SECONDS = 15.0
SENT_SECONDS = 3.0
BASELINE_SECONDS = 30.0
OF_GPUS = ("gpu", "probe")
STAGE_JOBS = ("gateway", "replica")
SERVING_JOBS = ("gpu", "probe", "node")
SERVICE = "chat"
Say = Callable[[str], None]


class Stack:
    """Everything but the service under observation; leaving the `with` block stops it all.

    Without `gpus` nothing simulates devices, and nothing measures them. Under the jobs `beside`
    Prometheus scrapes what it is aimed at, as it does the service.
    """

    def __init__(
        self, run: RunFolder, say: Say, *, gpus: bool = True, beside: Sequence[str] = ()
    ) -> None:
        self.run = run
        self.device = run.path / "device.state"
        self._say = say
        self._exit = ExitStack()
        self._own: list[ServerProcess] = []
        self._probe: ServerProcess | None = None
        self._forgot = 0.0
        self._of_gpus = OF_GPUS if gpus else ()
        self._aimed = (*STAGE_JOBS, *beside)
        names = (*self._of_gpus, "watch", "prometheus", "alertmanager")
        self._ports = {name: run.free_port() for name in names}

    def __enter__(self) -> Self:
        with self._exit:
            self._start()
            self._exit = self._exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def watch_url(self) -> str:
        return self._url("watch")

    @property
    def telemetry(self) -> TelemetrySection:
        """Where processes of the service send their spans and logs."""
        spool = self.run.folder("spool")
        if self.elasticsearch:
            return TelemetrySection(url=self.elasticsearch.url, spool_dir=spool)
        return TelemetrySection(kind="store", store_dir=self.run.folder("store"), spool_dir=spool)

    def aim(self, targets: Sequence[Target]) -> None:
        """Let Prometheus scrape this service from now on, and no other."""
        for job in self._aimed:
            groups = [
                {"targets": [target.address], "labels": dict(target.labels)}
                for target in targets
                if target.job == job
            ]
            _replace(self.run.folder("targets") / f"{job}.yml", yaml.safe_dump(groups))

    def follow(self, targets: Sequence[Target]) -> None:
        """Aim at these, and wait until they and no others are scraped."""
        self.aim(targets)
        wanted = {target.address for target in targets}
        end = time.monotonic() + LOOK_AWAY_SECONDS
        while self._scraped() != wanted and time.monotonic() < end:
            time.sleep(0.2)

    def _scraped(self) -> set[str]:
        scraped = TARGET_UP.value.matching(job="|".join(STAGE_JOBS))
        return {labels["instance"] for labels in self.labels_of(scraped)}

    def look_away(self) -> None:
        """Stop scraping the service, so that its end is no outage."""
        self.follow(())

    def forget(self) -> None:
        """Throw away samples, alerts, spans and logs, so that the next run begins with nothing."""
        # Rules that are gone for a moment forget what they hold firing (keep_firing_for), too.
        self._load_alerts("groups: []\n")
        self.alertmanager.forget_everything()
        self.prometheus.forget_everything()
        self._close_incidents()
        if self.elasticsearch:
            self.elasticsearch.forget_everything()
        self._revive_probe()
        for path in self.run.folder("store").iterdir():
            path.unlink()
        self._load_alerts(texts(self._rules())["alerts.yml"])
        # The first message to the new Alertmanager goes over a dead connection: a loss to forget.
        time.sleep(SENT_SECONDS)
        self.prometheus.forget_everything()

    def _close_incidents(self) -> None:
        """Tell `watch` that its incidents are over: an Alertmanager that starts anew cannot."""
        for page in self.pager.pages(self._forgot):
            over = [{**alert, "status": "resolved"} for alert in page.payload["alerts"]]
            group = {**page.payload, "status": "resolved", "alerts": over}
            answer = httpx.post(
                f"{self.watch_url}/alerts", json=group, timeout=5.0, trust_env=False
            )
            answer.raise_for_status()
        self._forgot = time.time()

    def _revive_probe(self) -> None:
        """Start the probe anew where a device failed under it, as a service manager would."""
        if self._probe is None:
            return
        ready = httpx.get(f"{self._url('probe')}/-/ready", timeout=5.0, trust_env=False)
        if ready.is_success:
            return
        self._probe.stop()
        self._own.remove(self._probe)  # its successor stands for it in `peak_bytes`
        self._probe = self._start_own("probe")
        self._probe.wait_ready(f"{self._url('probe')}/-/healthy", 60.0)

    def _load_alerts(self, text: str) -> None:
        _replace(self.run.path / "alerts.yml", text)
        self.prometheus.reload()

    def labels_of(self, promql: str) -> list[dict[str, str]]:
        """The labels of every series that an instant query finds now."""
        url = f"{self.prometheus.url}/api/v1/query"
        answer = httpx.get(url, params={"query": promql}, timeout=5.0, trust_env=False)
        answer.raise_for_status()
        return [series["metric"] for series in answer.json()["data"]["result"]]

    @property
    def peak_bytes(self) -> int:
        """The most memory all processes held, each at its own worst."""
        return sum(process.peak_rss_bytes for process in self._own)

    def _start(self) -> None:
        started = time.monotonic()
        self.elasticsearch = self._launch_elasticsearch()
        if self._of_gpus:
            Accelerator.create(self.device, GPUS)
        self.node = self._exit.enter_context(start_node_exporter(self.run))
        self.pager = Pager(0)
        self._exit.callback(self.pager.stop)
        self._render()
        self._write_config()
        own = {name: self._start_own(name) for name in self._of_gpus}
        self._probe = own.get("probe")
        self.alertmanager = self._exit.enter_context(
            start_alertmanager(
                self.run, self.run.path / "alertmanager.yml", port=self._ports["alertmanager"]
            )
        )
        self.elasticsearch = self._ready_elasticsearch()
        self._write_config()  # now it is known where spans and logs go
        own["watch"] = self._start_own("watch")
        for name, process in own.items():
            process.wait_ready(f"{self._url(name)}/-/healthy", 60.0)
        # Last: what it scrapes answers from the first scrape on.
        self.prometheus = self._exit.enter_context(
            start_prometheus(
                self.run, self.run.path / "prometheus.yml", port=self._ports["prometheus"]
            )
        )
        self._own += [
            server.process
            for server in (self.elasticsearch, self.prometheus, self.alertmanager, self.node)
            if server and server.process
        ]
        self._wait_for_baseline()
        self._say(f"servers and exporters are up after {time.monotonic() - started:.0f} s")

    def _launch_elasticsearch(self) -> Elasticsearch | None:
        try:
            return self._exit.enter_context(start_elasticsearch(self.run, wait=False))
        except ServerMissingError as error:
            self._say(f"spans and logs go to files: {error}")
            return None

    def _ready_elasticsearch(self) -> Elasticsearch | None:
        try:
            return self.elasticsearch.wait_ready() if self.elasticsearch else None
        except ServerMissingError as error:
            self._say(f"spans and logs go to files: {error}")
            return None

    def _wait_for_baseline(self) -> None:
        """The probe learns what is normal while nothing else runs on the device."""
        if self._probe is None:
            return
        end = time.monotonic() + BASELINE_SECONDS
        while not self.labels_of(KERNEL_SLOWDOWN.value) and time.monotonic() < end:
            time.sleep(0.2)

    def _render(self) -> None:
        rules = self._rules()
        for name, text in texts(rules).items():
            (self.run.path / name).write_text(text, encoding="utf-8")
        self.aim(())
        addresses = {job: f"127.0.0.1:{port}" for job, port in self._ports.items()} | {
            "node": self.node.url.removeprefix("http://"),
        }
        fixed = [
            Target(job, address, {"service": SERVICE} if job in SERVING_JOBS else {})
            for job, address in addresses.items()
        ]
        config = prometheus_config.render(
            rules,
            targets=fixed,
            target_files={job: (f"{self.run.path}/targets/{job}.yml",) for job in self._aimed},
            alertmanagers=(f"127.0.0.1:{self._ports['alertmanager']}",),
        )
        (self.run.path / "prometheus.yml").write_text(config, encoding="utf-8")

    def _rules(self) -> RulesSection:
        return own_rules.section(pager_url=self.pager.url, watch_url=self.watch_url)

    def _write_config(self) -> None:
        self.config.write_text(
            own_config.text(
                self.run,
                {name: self._url(name) for name in self._ports},
                self.telemetry,
                TIME_SCALE,
                pager_url=self.pager.url + ENRICHED,
            ),
            encoding="utf-8",
        )

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    @property
    def config(self) -> Path:
        return self.run.path / "busysignal.toml"

    def _start_own(self, name: str) -> ServerProcess:
        library = build_shim(self.run.folder("shim"))
        environment = {
            **os.environ,
            STATE_VARIABLE: str(self.device),
            "BUSYSIGNAL__GPU__NVML_LIBRARY": str(library),
        }
        command = Command(
            name=f"busysignal {name}",
            argv=[sys.executable, "-m", "busysignal", name, "--config", str(self.config)],
            log=self.run.log(name),
            env=environment,
        )
        process = command.start()
        self._exit.callback(process.stop)
        self._own.append(process)
        return process


def _replace(path: Path, text: str) -> None:
    # Prometheus watches the file: it must never see half of it.
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
