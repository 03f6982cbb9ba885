"""Signals of `busysignal bridge`: what it was given, what it told, what still waits."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

RECEIVED = Counter(
    name="busysignal_bridge_received",
    help="Messages received for a receiver, by what became of them (queued, duplicate, refused).",
    labels=("receiver", "result"),
)
DELIVERIES = Counter(
    name="busysignal_bridge_deliveries",
    help="Attempts to tell a receiver, by result (told, failed).",
    labels=("receiver", "result"),
)
WAITING = Gauge(
    name="busysignal_bridge_waiting",
    help="Messages that wait to be told.",
    unit="1",
    labels=("receiver",),
)
OLDEST = Gauge(
    name="busysignal_bridge_oldest_seconds",
    help="Age of the message that waits longest; 0 when none does.",
    unit="seconds",
    labels=("receiver",),
)

SIGNALS = (RECEIVED, DELIVERIES, WAITING, OLDEST)
