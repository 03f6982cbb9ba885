"""Errors meant for people: what was wrong, what is allowed, what to do next.

BusySignalError          exit 1: the thing checked is not so
├── UsageError           exit 2: wrong use or config
└── ServerMissingError   exit 3: a server is missing
"""

from __future__ import annotations


class BusySignalError(Exception):
    """One line for a person; the command prints it and exits with `exit_code`."""

    exit_code = 1


class UsageError(BusySignalError):
    """The command or its config is wrong."""

    exit_code = 2


class ServerMissingError(BusySignalError):
    """A server that is needed cannot be found, reached or started."""

    exit_code = 3
