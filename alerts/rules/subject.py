"""What alerts are about: how it is named, selected and linked to, said once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Any

from alerts.model import Alert
from exporters.catalog import boards, neutral

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from exporters.catalog.boards import Board
    from exporters.catalog.signal import Selector


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that alerts can be about.

    `labels` select its curve; `links` are those of them that its dashboard takes; `job` is whose
    targets lend their service, for series that do not carry one.
    """

    board: Board
    labels: tuple[str, ...]
    links: tuple[str, ...]
    job: str | None = None

    def alert(
        self,
        section: RulesSection,
        signal: Selector,
        condition: str,
        *,
        hold: str,
        keep: str | None = None,
        **rest: Any,
    ) -> Alert:
        """Build the alert on `signal condition`, whose curve is the signal at this subject.

        `hold` and `keep` are still unscaled.
        """
        expr = f"{signal} {condition}"
        return Alert(
            expr=of_service(expr, self.job) if self.job else expr,
            hold=hold if hold == "0s" else section.scale.wait(hold),
            keep_firing=section.scale.wait(keep) if keep else None,
            query=signal.where(**{label: f"{{{{ $labels.{label} }}}}" for label in self.labels}),
            board=self.board,
            variables={label: f"{{{{$labels.{label}}}}}" for label in self.links},
            **rest,
        )


def of_service(expr: str, job: str) -> str:
    """Give device series the service that their target belongs to, so that routes can group."""
    return (
        f"(\n{indent(expr, '  ')}\n)\n* on (instance) group_left (service)\n"
        f"max by (instance, service) ({neutral.TARGET_UP.value.where(job=job)})"
    )


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
HOST = Subject(
    board=boards.SERVICE,
    labels=("instance",),
    links=(),
    job="node",
)
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
)
