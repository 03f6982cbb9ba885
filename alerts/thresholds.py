"""Where alerts begin: rendered defaults, and how they are changed for someone without rendering.

`busysignal watch` shows what people set as `busysignal_threshold{alert, entity}`, the config's
overrides stand beside it, recordings lay both over the series they are meant for, narrow before
wide, and an alert reads what they say of a series, or else its own default.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import ValidationError

from alerts.defaults import Thresholds
from alerts.model import Recording
from alerts.promql import number, percent
from exporters.catalog.levels import SET, THRESHOLD_SET, THRESHOLDS
from exporters.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alerts.config import Override, RulesSection
    from alerts.model import Alert
    from exporters.catalog.signal import Selector

SEPARATOR = "/"
FIELDS = Thresholds.model_fields


@dataclass(frozen=True)
class Level:
    """Where one alert begins.

    `key` is its name in [rules.thresholds]; `by` are the labels it can be set by, wide to narrow;
    `signal` has those labels; the level times `factor` is in the signal's unit.
    """

    alert: str
    key: str
    default: float
    by: tuple[str, ...]
    signal: Selector
    is_share: bool
    factor: int = 1

    def over(self) -> str:
        """The rest of a query on all that is over its level."""
        return self._beyond(">")

    def under(self) -> str:
        """The rest of a query on all that is under its level."""
        return self._beyond("<")

    def _beyond(self, comparison: str) -> str:
        by, times = ", ".join(self.by), "" if self.factor == 1 else f" * {self.factor}"
        return (
            f"{comparison} on ({by}) group_left ()\n(\n  {self._set_for_all()}\n"
            f"  or on ({by})\n  {number(self.default)} * group by ({by}) ({self.signal})\n){times}"
        )

    def _set_for_all(self) -> Selector:
        return THRESHOLDS[self.by].value.where(alert=self.alert)

    def text(self) -> str:
        """The level that holds, as a template for an annotation."""
        if self.is_share:
            shown, default = "humanizePercentage", percent(self.default)
        else:
            shown, default = 'printf "%g"', number(self.default)
        places = ",".join(f"{label}='%s'" for label in self.by)
        values = " ".join(f"$labels.{label}" for label in self.by)
        series = THRESHOLDS[self.by].name
        return (
            f"{{{{ with printf \"{series}{{alert='{self.alert}',{places}}}\" {values} | query }}}}"
            f"{{{{ . | first | value | {shown} }}}}{{{{ else }}}}{default}{{{{ end }}}}"
        )

    def recording(self) -> Recording:
        """What was set, at every series it is meant for: the narrowest wins."""
        by = ", ".join(self.by)
        every = f"group by ({by}) ({self.signal})"
        chosen = THRESHOLD_SET.value.where(alert=self.alert)
        arms = [
            f"max by ({by}) (\n"
            f'  label_join({every}, "entity", "{SEPARATOR}", {_quoted(self.by[:depth])})\n'
            f"  * on (entity) group_left ()\n  {chosen}\n)"
            for depth in range(len(self.by), 0, -1)
        ]
        arms.append(f"{every} * on () group_left () {chosen.where(entity='')}")
        return Recording(THRESHOLDS[self.by], "\nor\n".join(arms), {"alert": self.alert})


def level(
    section: RulesSection,
    alert: str,
    key: str,
    by: tuple[str, ...],
    signal: Selector,
    factor: int = 1,
) -> Level:
    """The level of an alert, with its default from the config."""
    return Level(alert, key, getattr(section.thresholds, key), by, signal, is_share(key), factor)


def is_share(key: str) -> bool:
    """Whether a threshold of the config is a share, which people read as a percentage."""
    return any(getattr(bound, "le", None) == 1 for bound in FIELDS[key].metadata)


def _quoted(labels: Iterable[str]) -> str:
    return ", ".join(f'"{label}"' for label in labels)


def recordings(section: RulesSection, alerts: Iterable[Alert]) -> tuple[Recording, ...]:
    """Everything that was set, by (alert, entity), and what that means for whom."""
    levels = {alert.name: alert.level for alert in alerts if alert.level}
    chosen = f"max by ({', '.join(THRESHOLD_SET.labels)}) ({SET.value})"
    return (
        Recording(THRESHOLD_SET, chosen),
        *(_configured(section, levels, override) for override in section.overrides),
        *(level.recording() for level in levels.values()),
    )


def _configured(
    section: RulesSection, levels: Mapping[str, Level], override: Override
) -> Recording:
    alert, entity = override.alert, override.entity
    value = check(levels, alert, entity, override.value)
    if entity and levels[alert].by[0] == "service":
        section.check_service(f"an override of {alert}", entity.partition(SEPARATOR)[0])
    chosen = SET.value.where(alert=alert, entity=entity)
    labels = {"alert": alert, "entity": entity}
    return Recording(THRESHOLD_SET, f"vector({number(value)}) unless on () {chosen}", labels)


def check(levels: Mapping[str, Level], alert: str, entity: str, value: float) -> float:
    """The value as this alert may have it for this entity.

    Raises UsageError where the alert has no level, the entity more parts than the alert's labels,
    or the config would refuse such a value.
    """
    if alert not in levels:
        near = get_close_matches(alert, levels, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(sorted(levels))}"
        raise UsageError(f"no alert {alert!r} begins at a level; {hint}")
    level = levels[alert]
    # A model's name may have the separator in it.
    if level.by[-1] != "model" and entity.count(SEPARATOR) >= len(level.by):
        shapes = (SEPARATOR.join(level.by[:depth]) for depth in range(1, len(level.by) + 1))
        raise UsageError(
            f"{alert} cannot begin elsewhere for {entity!r}; give {' or '.join(shapes)}, or nothing"
        )
    try:
        Thresholds.model_validate({level.key: value})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{alert} cannot begin at {value:g}: {problem}") from None
    return value
