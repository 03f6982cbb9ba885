"""The [rules.objectives] section: the share of requests to be good, for all or for a service."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from exporters.catalog.goodput import GOOD
from exporters.catalog.requests import INTER_TOKEN_LATENCY, REQUEST_DURATION, TIME_TO_FIRST_TOKEN
from exporters.catalog.signal import Histogram
from exporters.settings import Section

Target = Annotated[Decimal, Field(gt=0, lt=1)]
Service = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


def _bucket_of(histogram: Histogram) -> AfterValidator:
    def is_a_bucket(bound: float) -> float:
        if bound not in histogram.buckets:
            near = sorted(sorted(histogram.buckets, key=lambda bucket: abs(bucket - bound))[:2])
            nearest = " and ".join(f"{bucket:g}" for bucket in near)
            raise ValueError(f"no bucket of {histogram.name}; the nearest are {nearest}")
        return bound

    return AfterValidator(is_a_bucket)


class AvailabilityObjective(Section):
    """Share of requests that must be answered; those whose client hung up do not count."""

    target: Target = Decimal("0.995")


class LatencyObjective(Section):
    """Share of good answers that must be done within `bound_seconds`, a bucket of the exporter."""

    bound_seconds: Annotated[float, _bucket_of(REQUEST_DURATION)] = GOOD.duration
    target: Target = Decimal("0.99")


class FirstTokenObjective(Section):
    """Share of streamed answers that must begin within `bound_seconds`."""

    bound_seconds: Annotated[float, _bucket_of(TIME_TO_FIRST_TOKEN)] = GOOD.first_token
    target: Target = Decimal("0.99")


class InterTokenObjective(Section):
    """Share of gaps between tokens that must be no longer than `bound_seconds`."""

    bound_seconds: Annotated[float, _bucket_of(INTER_TOKEN_LATENCY)] = GOOD.inter_token
    target: Target = Decimal("0.99")


class GoodputObjective(Section):
    """Share of requests that must keep all of the others at once, as the service counts them."""

    target: Target = Decimal("0.98")


class ServiceObjectives(Section):
    """The levels of one service, or of all that have none of their own."""

    availability: AvailabilityObjective = AvailabilityObjective()
    latency: LatencyObjective = LatencyObjective()
    first_token: FirstTokenObjective = FirstTokenObjective()
    inter_token: InterTokenObjective = InterTokenObjective()
    goodput: GoodputObjective = GoodputObjective()


class Objectives(ServiceObjectives):
    """The levels of all services, and how many failures in a long window are worth waking someone.

    `services` says where one differs; what it leaves out is as for all.
    """

    minimum_failures: Annotated[int, Field(ge=2)] = 3
    services: dict[Service, ServiceObjectives] = Field(default_factory=dict)

    def of(self, service: str) -> ServiceObjectives:
        """What one service keeps."""
        common = self.model_dump(include=set(ServiceObjectives.model_fields))
        own = self.services[service].model_dump(exclude_unset=True)
        return ServiceObjectives.model_validate(_over(common, own))


def _over(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {name: common[name] | own.get(name, {}) for name in common}
