"""Several runs on servers that start once, resumable, with a table at the end."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx
import orjson

from demo import report
from demo.engines import Engine, engine_of
from demo.faults import FAULTS, Fault
from demo.outcome import Outcome
from demo.run import run
from demo.servers import RunFolder
from demo.stack import Stack
from exporters.errors import ServerMissingError, UsageError


def play(
    names: Sequence[str],
    *,
    seed: int,
    seeds: int,
    folder: Path,
    json: Path | None,
    engine: str = "tiny",
) -> bool:
    """Run every fault with `seeds` seeds from `seed` on; True if each declared outcome came.

    `all` are those that the engine can suffer and tell.

    With `json`, outcomes are written there after each run, and runs found there are not repeated.
    Seed 0 goes on with the first seed of `json`, or draws a new one.
    Raises UsageError for an unknown fault or engine, or a fault that is not for the engine,
    ServerMissingError when a server is or goes away.
    """
    behind = engine_of(engine)
    done = read(json)
    first = seed or min((outcome.seed for outcome in done), default=_new_seed())
    plan = list(_plan(names, range(first, first + seeds), done, engine))
    if plan:
        with _terminated_like_interrupted(), _in_one_line(), report.Console() as console:
            _play(plan, behind, done, folder, json, console)
    report.table(done)
    return bool(done) and all(outcome.met for outcome in done)


def accompany(folder: Path) -> bool:
    """Run a healthy service with its companions; True if every panel that they fill has data.

    Raises ServerMissingError when a server is or goes away.
    """
    from demo.companions import tour  # noqa: PLC0415 - torch and all boards, for this alone

    with _terminated_like_interrupted(), _in_one_line(), report.Console() as console:
        return tour.run(folder, console.say)


def _play(
    plan: Sequence[tuple[Fault, int]],
    engine: Engine,
    done: list[Outcome],
    folder: Path,
    json: Path | None,
    console: report.Console,
) -> None:
    engine.set_up(console.say)
    place = RunFolder.create(folder)
    console.say(f"the run folder is {place.path}")
    with Stack(place, console.say, gpus=engine.has_gpus) as stack:
        for number, (fault, seed) in enumerate(plan, start=1):
            console.heading(f"{number}/{len(plan)} {fault.name}, seed {seed}: {fault.says}")
            outcome = run(stack, fault, seed, console.say, console.verdict, engine=engine)
            done.append(outcome)
            console.outcome(outcome)
            _write(json, done)


def _plan(
    names: Sequence[str], seeds: range, done: Sequence[Outcome], engine: str
) -> Iterator[tuple[Fault, int]]:
    suited = [name for name, fault in FAULTS.items() if engine in fault.engines]
    wanted = suited if "all" in names else names
    finished = {(outcome.engine, outcome.fault, outcome.seed) for outcome in done}
    for name in wanted:
        _check(name, suited, engine)
    for number in seeds:
        for name in wanted:
            if (engine, name, number) not in finished:
                yield FAULTS[name], number


def _check(name: str, suited: Sequence[str], engine: str) -> None:
    if name not in FAULTS:
        raise UsageError(f"no fault is called {name!r}; allowed: all, {', '.join(FAULTS)}")
    if name not in suited:
        raise UsageError(
            f"{name} is not for the engine {engine!r}, only for "
            f"{', '.join(FAULTS[name].engines)}; allowed with it: all, {', '.join(suited)}"
        )


def read(path: Path | None) -> list[Outcome]:
    """The outcomes that earlier runs left in `path`, none where it is not there.

    Raises UsageError for a file of another kind.
    """
    if path is None or not path.exists():
        return []
    try:
        return [Outcome(**run) for run in orjson.loads(path.read_bytes())["runs"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise UsageError(f"{path} is no table of runs; give another --json file") from None


def _write(path: Path | None, outcomes: Sequence[Outcome]) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"runs": [outcome.document() for outcome in outcomes]}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _new_seed() -> int:
    return random.SystemRandom().randrange(1, 1_000_000)


@contextmanager
def _in_one_line() -> Iterator[None]:
    """A server that goes away in the middle of a run is an error for people."""
    try:
        yield
    except httpx.HTTPError as error:
        raise ServerMissingError(
            f"a server went away in the middle of the run ({type(error).__name__}: {error}); "
            "its log is in the run folder, and the run can be repeated"
        ) from None


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: in order, with nothing left running."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
