"""Where alerts begin, as series: what was set while everything runs, and what that means for whom.

`entity` names whom a level is for by the alert's own labels, wide to narrow: empty for all,
`chat` for a service, `chat/llama` for one of its models, `n1:9400/0` for a GPU of a machine.
"""

from __future__ import annotations

from exporters.catalog.signal import Gauge, Recorded

SET = Gauge(
    name="busysignal_threshold",
    help="Where an alert begins for an entity, as set with `busysignal threshold`.",
    labels=("alert", "entity"),
)
THRESHOLD_SET = Recorded(
    name="busysignal:threshold_set",
    help="Where an alert begins for an entity: as set at run time, or else in the config.",
    labels=("alert", "entity"),
)
SCOPES: tuple[tuple[str, ...], ...] = (
    ("service",),
    ("service", "model"),
    ("service", "replica"),
    ("service", "upstream"),
    ("service", "tier"),
    ("service", "target"),
    ("instance",),
    ("instance", "gpu"),
    ("instance", "device"),
    ("instance", "resource"),
    ("endpoint", "model"),
    ("consumergroup", "topic"),
)
"""Labels that levels are set by, wide to narrow."""

THRESHOLDS = {
    scope: Recorded(
        name="busysignal:threshold_" + "_".join(scope),
        help=f"Where an alert begins for a {' and '.join(scope)}; absent where its default holds.",
        labels=("alert", *scope),
    )
    for scope in SCOPES
}

SIGNALS = (SET,)
RECORDED = (THRESHOLD_SET, *THRESHOLDS.values())
