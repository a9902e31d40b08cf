"""Tests of a place for a store: one of several creates succeeds, reads return the last write; and latencies."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from state_store.address import is_address
from state_store.backend import Backend
from state_store.errors import StoreLocationError, StoreWriteError
from state_store.local import LocalBackend
from state_store.location import LIES, Location, place_of
from state_store.remote import RemoteBackend

FOLDER = "checks"
PROCESSES, THREADS, ROUNDS, TIMED = 2, 4, 12, 8
SKEW = 60.0
"""Seconds by which clocks may differ without a word."""

BYTES = 100_000
"""Size of what is written and read to take the time."""

RACER = "import sys; from state_store.check import run_racer; run_racer(*sys.argv[1:])"


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    place : what was checked.
    faults : what it does wrong, in words; a store must not be kept there then.
    notes : what to know of it.
    races, writers : how many names were created at once, and by how many writers each.
    write, read, list : median seconds of one request, of 100 kB where it has bytes.
    clock : seconds by which the clock of the place is ahead of this machine's.
    """

    place: str
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    races: int
    writers: int
    write: float
    read: float
    list: float
    clock: float

    @property
    def ok(self) -> bool:
        """Whether a store may be kept there."""
        return not self.faults


def verify_place(location: Location) -> Checked:
    """Return whether a store may be kept in a place; what was written for that is removed again.

    Raises
    ------
    StoreLocationError
        If there is no such directory or bucket.
    StoreReadError, StoreWriteError
        If it cannot be read or written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = verify_place(folder)
    ...     found.ok, found.races, list(Path(folder).iterdir())
    (True, 12, [])
    """
    if not is_address(str(location)) and not Path(location).expanduser().is_dir():
        raise StoreLocationError(f"There is no directory {location}: make it, or check the path.")
    with tempfile.TemporaryDirectory() as copies:
        mine, yours = (place_of(location, Path(copies, name)) for name in ("mine", "yours"))
        with _room(mine) as room:
            faults = [*_reading_faults(mine, yours, room), *_racing_faults(location, Path(copies), mine, room)]
            return _timed(mine, yours, room, faults)


@contextmanager
def _room(place: Backend) -> Iterator[str]:
    """Give a folder of names nobody else has, removed at the end."""
    room = f"{FOLDER}/{secrets.token_hex(8)}"
    place.read(f"{room}/read")  # of a bucket that is not there nothing is written, lest it be made
    try:
        yield room
    finally:
        for name, _ in list(place.names(room)):
            place.delete(name)
        if isinstance(place, LocalBackend):
            with suppress(OSError):
                place.path(room).rmdir()
                place.path(FOLDER).rmdir()


def _reading_faults(mine: Backend, yours: Backend, room: str) -> Iterator[str]:
    name = f"{room}/read"
    for data in (b"first" * 1000, b"second" * 1000):
        mine.write(name, data)
        if yours.read(name) != data or yours.read(name) != data:
            yield "a reader does not see what was written last"
        if yours.read(name, 100) != data[:100]:
            yield "the beginning that is asked for is not that of the whole"
    if [found for found, _ in yours.names(room)] != [name]:
        yield "a list lacks what was written"
    if isinstance(mine, RemoteBackend):
        old = mine.bucket.put(name, b"old")
        mine.bucket.put(name, b"new")
        if mine.bucket.replace(name, b"stale", old) is not None:
            yield "it replaces what was changed in between, though asked to only if it was not"
    mine.delete(name)
    if yours.read(name) is not None or list(yours.names(room)):
        yield "what was deleted is still there"


def _racing_faults(location: Location, copies: Path, place: Backend, room: str) -> Iterator[str]:
    names = [f"{room}/race-{i}" for i in range(ROUNDS)]
    won = _race(str(location), copies, room)
    twice = sum(len(won[name]) > 1 for name in names)
    if twice:
        yield LIES.format(twice=f"{twice} of {ROUNDS}")
    if not all(won[name] for name in names):
        yield "of several writers that create one name at the same time, none succeeds"
    if any(won[name] and bytes(place.read(name) or b"").decode() not in won[name] for name in names):
        yield "a read does not return what the successful writer wrote"


def _race(location: str, copies: Path, room: str) -> dict[str, list[str]]:
    """Return by name the writers whose create succeeded: threads of several processes, all at once."""
    won: dict[str, list[str]] = {f"{room}/race-{i}": [] for i in range(ROUNDS)}
    with ExitStack() as running:
        racers = [
            running.enter_context(
                subprocess.Popen(  # noqa: S603 -- this program itself
                    [sys.executable, "-c", RACER, location, str(copies / f"racer{i}"), room],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                )
            )
            for i in range(PROCESSES)
        ]  # fmt: skip
        ready = [racer.stdout is not None and racer.stdout.readline() for racer in racers]
        answers = [racer.communicate("go\n" if all(ready) else "") for racer in racers]
    for racer, (answer, complaint) in zip(racers, answers, strict=True):
        if racer.returncode:
            raise StoreWriteError(f"Writers could not race for names: {complaint.strip().rpartition(chr(10))[2]}")
        for name, writers in json.loads(answer).items():
            won[name] += writers
    return won


def run_racer(location: str, copies: str, room: str) -> None:
    """Create every name of a race in several threads, and print the successful writers of each."""
    places = [place_of(location, Path(copies, str(i))) for i in range(THREADS)]
    won: dict[str, list[str]] = {}
    barrier = threading.Barrier(THREADS)

    def race(place: Backend) -> None:
        own = secrets.token_hex(8)
        for i in range(ROUNDS):
            barrier.wait()
            if place.create(f"{room}/race-{i}", own.encode()):
                won.setdefault(f"{room}/race-{i}", []).append(own)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if sys.stdin.readline():
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(race, places))
    sys.stdout.write(json.dumps(won))


def _timed(mine: Backend, yours: Backend, room: str, faults: list[str]) -> Checked:
    data, began = secrets.token_bytes(BYTES), time.time()
    write = [_seconds(lambda i=i: mine.write(f"{room}/time-{i}", data)) for i in range(TIMED)]  # type: ignore[misc]
    read = [_seconds(lambda i=i: yours.read(f"{room}/time-{i}")) for i in range(TIMED)]  # type: ignore[misc]
    listed = [_seconds(lambda: list(mine.names(room))) for _ in range(TIMED)]
    about = mine.stat(f"{room}/time-0")
    clock = 0.0 if about is None else about.last_used - began - write[0]
    notes = []
    if abs(clock) > SKEW:
        notes.append(
            f"its clock is {abs(clock):.0f} seconds {'ahead of' if clock > 0 else 'behind'} this machine's: ages "
            "that `hpo states` shows and collects by are off by as much; locks do not depend on it"
        )
    times = median(write), median(read), median(listed)
    return Checked(str(mine.place), tuple(faults), tuple(notes), ROUNDS, PROCESSES * THREADS, *times, clock)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
