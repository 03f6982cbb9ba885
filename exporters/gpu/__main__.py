"""The serving process of `busysignal gpu`: no command line, no pydantic, no event loop.

Takes the settings as JSON in its only argument; exits as the command does.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

from exporters.errors import BusySignalError
from exporters.gpu.server import serve
from exporters.gpu.settings import Settings

INTERRUPTED: Final = 130


def main(text: str) -> int:
    """Serve until told to stop; the exit code."""
    _trim()
    try:
        serve(Settings.from_json(text), announce=_say)
    except BusySignalError as error:
        sys.stderr.write(f"busysignal: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _trim() -> None:
    """Give back what reading the modules took: 11 MiB where pynvml had to be compiled."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc alone has it
        trim(0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
