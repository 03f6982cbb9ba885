"""What alerts are about: how it is named, selected and linked to, said once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Any

from alerts import thresholds
from alerts.model import Alert
from exporters.catalog import boards, neutral

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.config import RulesSection
    from alerts.thresholds import Level
    from exporters.catalog.boards import Board
    from exporters.catalog.signal import Selector


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that alerts can be about.

    `labels` select its curve; `links` are those of them that its dashboard takes; `job` is whose
    targets lend their service, for series that do not carry one. Levels can be set by `scope`,
    the labels unless told.
    """

    board: Board
    labels: tuple[str, ...]
    links: tuple[str, ...]
    job: str | None = None
    scope: tuple[str, ...] = ()

    def level(
        self, section: RulesSection, alert: str, key: str, signal: Selector, factor: int = 1
    ) -> Level:
        """Where an alert on this subject begins; `factor` takes it to the signal's unit."""
        return thresholds.level(section, alert, key, self.scope or self.labels, signal, factor)

    def over(
        self,
        section: RulesSection,
        signal: Selector,
        key: str,
        *,
        name: str,
        then: str = "",
        **rest: Any,
    ) -> Alert:
        """Build the alert that `signal` is over its level; `then` ends the query."""
        level = self.level(section, name, key, signal)
        return self.alert(section, signal, f"{level.over()}{then}", level=level, **rest)

    def alert(
        self,
        section: RulesSection,
        signal: Selector,
        condition: str,
        *,
        hold: str,
        keep: str | None = None,
        expr: str | None = None,
        level: Level | None = None,
        values: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> Alert:
        """Build the alert on `signal condition`, or on `expr`; the signal is its curve.

        `hold` and `keep` are still unscaled.
        """
        expr = f"{expr or signal} {condition}".rstrip()
        if level is not None:
            rest |= {"name": level.alert}
        return Alert(
            expr=of_service(expr, self.job) if self.job else expr,
            hold=hold if hold == "0s" else section.scale.wait(hold),
            keep_firing=section.scale.wait(keep) if keep else None,
            query=signal.where(**{label: f"{{{{ $labels.{label} }}}}" for label in self.labels}),
            board=self.board,
            variables={label: f"{{{{$labels.{label}}}}}" for label in self.links},
            level=level,
            values=({"limit": level.text()} if level else {}) | dict(values or {}),
            **rest,
        )


def of_service(expr: str, job: str) -> str:
    """Give device series the service that their target belongs to, so that routes can group."""
    return (
        f"(\n{indent(expr, '  ')}\n)\n* on (instance) group_left (service)\n"
        f"max by (instance, service) ({neutral.TARGET_UP.value.where(job=job)})"
    )


BUDGET = Subject(board=boards.SERVICE, labels=("service",), links=("service",))
SERVICE = Subject(board=boards.SERVICE, labels=("service",), links=("service",))
MODEL = Subject(board=boards.SERVICE, labels=("service", "model"), links=("service", "model"))
PART = Subject(board=boards.SERVICE, labels=("service", "replica"), links=("service",))
UPSTREAM = Subject(board=boards.SERVICE, labels=("service", "upstream"), links=("service",))
BACKLOG = Subject(board=boards.SATURATION, labels=("consumergroup", "topic"), links=())
CACHE = Subject(board=boards.SERVICE, labels=("service", "tier"), links=("service",))
GPU = Subject(
    board=boards.GPU,
    labels=("instance", "gpu"),
    links=("instance", "gpu"),
    job="gpu",
)
GPU_EXPORTER = Subject(
    board=boards.GPU,
    labels=("instance",),
    links=("instance",),
    job="gpu",
)
RESOURCE = Subject(board=boards.MACHINES, labels=("instance", "resource"), links=("instance",))
DISK = Subject(
    board=boards.MACHINES, labels=("instance", "mountpoint"), links=("instance",), job="node"
)
HOST = Subject(board=boards.MACHINES, labels=("instance",), links=("instance",), job="node")
WATCHER = Subject(board=boards.STACK, labels=("instance",), links=())
ENGINE = Subject(board=boards.STACK, labels=("service", "replica"), links=())
PROBED = Subject(
    board=boards.PROBE,
    labels=("instance", "device"),
    links=("instance", "device"),
    job="probe",
)
KERNEL = Subject(
    board=boards.PROBE,
    labels=("instance", "device"),
    links=("instance", "device"),
    job="probe",
)
ENDPOINT = Subject(
    board=boards.ENDPOINTS,
    labels=("endpoint", "model"),
    links=("endpoint",),
)
CALLERS = Subject(
    board=boards.ENDPOINTS,
    labels=("target",),
    links=(),
    scope=("service", "target"),
)
