"""Panels that are rightly empty while all is well, and the run of the demo that fills each."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.catalog import boards
from exporters.catalog.boards import Board


@dataclass(frozen=True)
class RightlyEmpty:
    """A panel without series while all is well, and the run of the demo that fills it.

    `run` is the fault's name, or `COMPANIONS`.
    """

    board: str
    panel: str
    run: str
    why: str


COMPANIONS = "companions"
"""`busysignal demo --companions`: what no fault needs is started beside a healthy service."""


NO_FORECAST, NO_CANARY = "no forecast runs", "no canary runs"
NO_BREAKER = "its clients tell of no circuit breaker"
WHOLE, NO_CONTAINERS = "its GPUs are whole", "its processes run in no container"
NO_ALLOCATOR = "its replicas do not show torch's allocator"
NO_STATE = "its devices tell the probe neither clocks nor load"

BY_FAULT: dict[tuple[Board, str, str], tuple[str, ...]] = {
    (boards.FLEET, "slow_replica", "nothing fires"): ("Alerts firing now", "Open incidents"),
    (boards.FLEET, "telemetry_gap", "every target answers"): ("Targets down",),
    (boards.SERVICE, "traffic_burst", "nothing was ever refused"): ("Refused by reason",),
    (boards.SERVICE, "slow_replica", "no incident is open"): ("Open verdict",),
    (boards.SERVICE, "slow_replica", "no replica was ever ejected"): ("Ejected replicas",),
    (boards.SERVICE, "cpu_starvation", "no replica has a quota"): ("Held back by CPU quota",),
    (boards.SERVICE, "cache_outage", "no cache is looked up"): ("Cache hits", "Cache errors"),
    (boards.SERVICE, "cold_start", "no replica has just started"): (
        "Cold start beside the usual",
    ),
    (boards.REPLICA, "slow_replica", "it was never ejected"): ("In rotation", "Its rotation"),
    (boards.REPLICA, "cpu_starvation", "no replica has a quota"): ("Its CPU quota",),
    (boards.SATURATION, "traffic_burst", "nothing was ever refused"): (
        "Refused now", "Refusals by reason", "Refusals by replica",
    ),
    (boards.INCIDENTS, "slow_replica", "nothing fires"): (
        "Pages firing", "Open verdicts", "Alerts pending",
        "Alerts firing, by name", "Causes named", "Alert groups received", "Verdicts given",
        "Pages sent",
    ),
    (boards.INCIDENTS, "traffic_burst", "nothing fires"): (
        "Other alerts firing", "Time to the verdict",
    ),
    (boards.STACK, "telemetry_gap", "every signal is written"): (
        "Signals missing", "Signals that nobody writes",
    ),
    (boards.LOGS, "traffic_burst", "nobody warns"): (
        "Warnings and errors by template", "Newest warnings and errors",
    ),
    (boards.LOGS, "gpu_fault", "nothing is raised"): ("Exceptions by type",),
    (boards.GPU, "telemetry_gap", "all readings work"): ("Readings lost",),
    (boards.GPU, "gpu_fault", "the driver is the real one"): ("Simulated",),
    (boards.MACHINES, "traffic_burst", "its disks are idle"): (
        "First disk full in", "Waits beside the usual",
    ),
    (boards.SLO, "client_gone_storm", "no whole hour of the month has passed"): (
        "Requests each budget has left", "Missed within 30 days",
    ),
    **{
        (board, "slow_replica", "nothing fires"): ("Alerts firing", "Verdicts")
        for board in (boards.SERVICE, boards.SLO)
    },
}  # fmt: skip
BY_COMPANIONS: dict[tuple[Board, str], tuple[str, ...]] = {
    (boards.GPU, WHOLE): (
        "Memory by MIG instance", "SMs by MIG instance", "Bandwidth by MIG instance",
    ),
    (boards.GPU, "no link of its devices goes down"): ("NVLinks down",),
    (boards.GPU, "no call into its driver fails without a name"): ("Failed calls",),
    (boards.GPU, NO_CONTAINERS): ("Memory by container", "SMs by container"),
    (boards.SERVICE, NO_ALLOCATOR): ("Fragmented device memory",),
    (boards.REPLICA, NO_ALLOCATOR): ("Its fragmented device memory",),
    (boards.SATURATION, "no message queue stands before it"): ("Oldest message",),
    (boards.INCIDENTS, "nobody set a level"): ("Levels that were set",),
    (boards.PROBE, NO_STATE): (
        "Beside other work", "SM clock after a sample",
        "Left out", "Rounds left out", "Memory of the probe",
    ),
    (boards.ENDPOINTS, NO_CANARY): (
        "Right answers", "Slowest first token", "Certificate ends in", "Last asked", "Answers",
        "Outcomes", "Where the time goes at $endpoint", "Time to the first token",
        "Time between tokens", "Told to come back later", "Not what was asked for",
    ),
    (boards.ENDPOINTS, NO_BREAKER): ("Circuit breakers",),
    (boards.SATURATION, "its engines do not tell"): ("Queue by reason",),
    (boards.SATURATION, NO_FORECAST): ("Capacity lasts",),
    (boards.STACK, NO_FORECAST): (
        "Age of the forecast", "Loads learnt", "Forecasts that failed",
    ),
    (boards.STACK, "its engines are whole"): (
        "Engine names missing", "Engine signals that are gone",
    ),
    (boards.STACK, "its processes are single"): ("Worker processes",),
}  # fmt: skip

RIGHTLY_EMPTY = (
    *(
        RightlyEmpty(board.uid, panel, fault, why)
        for (board, fault, why), titles in BY_FAULT.items()
        for panel in titles
    ),
    *(
        RightlyEmpty(board.uid, panel, COMPANIONS, why)
        for (board, why), titles in BY_COMPANIONS.items()
        for panel in titles
    ),
)
"""Panels that a healthy run may leave empty; every other panel must have data in it."""
