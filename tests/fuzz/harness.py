"""Doors of the programs, and mutated files that are carried through them.

A door may answer, or refuse with an error of our own. A crash, a hang, gigabytes of memory or any
other exception is a fault. Files are made as the tests run and are the same for the same door and
number, so a fault is found again by its number; none is kept.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssmamba.errors import SSMambaError
from tests.fuzz.mutations import mutated

SMALL_IMAGE = 4_000_000  # pixels; what is larger is refused, which a test can afford


@dataclass(frozen=True)
class Sample:
    """A valid file: its name, which may matter, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Door:
    """Where a kind of file comes in."""

    name: str
    samples: Callable[[Path], list[Sample]]  # makes them in an empty folder
    enter: Callable[[Path], object]  # a path; anything but a refusal of our own is a fault
    text: bool = False
    short: int = 40  # files in the default suite
    refusals: tuple[type[Exception], ...] = (SSMambaError,)


@dataclass
class Tally:
    """What became of the files."""

    counts: Counter[str] = field(default_factory=Counter)  # "answered", "refused", faults
    faults: list[str] = field(default_factory=list)  # "slides 17 (foreign): KeyError: 3"

    def fault(self, door: Door, number: int, kind: str, what: str) -> None:
        self.counts[kind] += 1
        self.faults.append(f"{door.name} {number} ({kind}): {what}")


def file_of(door: Door, number: int, samples: Sequence[Sample]) -> Sample:
    """The mutated file of a number."""
    rng = random.Random(f"{door.name} {number}")
    sample = samples[number % len(samples)]
    data = mutated(sample.data, [other.data for other in samples], rng, door.text)
    return Sample(sample.name, data)


def carry(door: Door, number: int, samples: Sequence[Sample], folder: Path) -> str:
    """Carry one file through its door: "answered" or "refused". Other errors are passed on."""
    made = file_of(door, number, samples)
    path = folder / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.data)
    try:
        door.enter(path)
        return "answered"
    except door.refusals:
        return "refused"
    finally:
        path.unlink(missing_ok=True)


def fuzz_here(door: Door, folder: Path) -> Tally:
    """Carry some files through a door in this process; every whole file must be answered."""
    samples, tally = door.samples(folder / "samples"), Tally()
    for sample in samples:
        path = folder / "whole" / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
        door.enter(path)
        path.unlink()
    for number in range(door.short):
        try:
            tally.counts[carry(door, number, samples, folder / "mutated")] += 1
        except Exception as error:
            tally.fault(door, number, "foreign", f"{type(error).__name__}: {str(error)[:200]}")
    return tally
