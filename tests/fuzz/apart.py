"""Mutated files in processes of their own, which may crash, hang and fill memory.

``python -m tests.fuzz.apart MODULE FIRST LAST FOLDER`` carries the files of those numbers through
the door of a module and says what it does, a line a file. ``fuzz_apart`` starts such processes and
counts.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

from tests.fuzz.harness import Door, Sample, Tally, carry

COUNT = int(os.environ.get("SSMAMBA_FUZZ", "300"))  # files a door; 10,000 for a release
HANG_S = 30.0  # of computing for one file
STUCK_S = 600.0  # without a word and without computing
MOST_BYTES = 2 << 30  # that one file may take beyond what the program takes itself
LIMIT_BYTES = 3 << 30  # at which the system refuses, for the sake of what else runs
TOOK_TOO_MUCH = 42  # exit status: the peak of a process never falls again
CHUNK = 1000  # files a process; a leak would show at the next one's limit


def fuzz_apart(module: str, folder: Path, count: int = COUNT) -> Tally:
    """Carry files through the door of a module, in as many processes as it takes."""
    door: Door = importlib.import_module(module).DOOR
    tally, first = Tally(), 0
    while first < count:
        first = _one_process(module, door, first, min(first + CHUNK, count), folder, tally)
    return tally


def _one_process(module: str, door: Door, first: int, last: int, folder: Path, tally: Tally) -> int:
    """Count one process's files; returns the number to go on with."""
    command = [sys.executable, "-m", __spec__.name, module, str(first), str(last), str(folder)]
    begun = None
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        for line in _lines(process):
            if line is None:
                process.kill()
                tally.fault(door, begun or first, "hang", "it neither computes nor ends")
                return (begun or first) + 1
            kind, _, rest = line.partition(" ")
            if kind == "begin":
                begun = int(rest)
            elif kind in ("answered", "refused"):
                tally.counts[kind] += 1
            elif kind in ("foreign", "memory"):
                assert begun is not None
                tally.fault(door, begun, kind, rest)
    if process.returncode == 0:
        return last
    if process.returncode == TOOK_TOO_MUCH:
        return (begun or first) + 1
    assert begun is not None, f"{module} did not begin (exit status {process.returncode})"
    hung = process.returncode == -signal.SIGPROF
    what = f"more than {HANG_S:.0f} s" if hung else f"exit status {process.returncode}"
    tally.fault(door, begun, "hang" if hung else "crash", what)
    return begun + 1


def _lines(process: subprocess.Popen[str]):  # type: ignore[no-untyped-def]
    """The lines of a process as they come; None when it is stuck."""
    found: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            found.put(line.rstrip("\n"))
        found.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = found.get(timeout=STUCK_S)
        except queue.Empty:
            yield None
            return
        if not line:
            return
        yield line


def _work(module: str, first: int, last: int, folder: Path) -> None:
    door: Door = importlib.import_module(module).DOOR
    place = folder / str(os.getpid())
    samples = door.samples(place / "samples")
    _warm_up(door, samples, place)
    words = sys.stdout
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT_BYTES, size + LIMIT_BYTES))
    most = _peak_bytes() + MOST_BYTES
    for number in range(first, last):
        print(f"begin {number}", file=words, flush=True)
        signal.setitimer(signal.ITIMER_PROF, HANG_S)  # its signal ends the process
        try:
            with contextlib.redirect_stdout(sys.stderr):
                what = carry(door, number, samples, place / "mutated")
        except MemoryError:
            what = f"memory {_last_line()}"
        except Exception:
            what = f"foreign {_last_line()}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        if _peak_bytes() > most:
            print(f"memory {_peak_bytes() >> 20} MiB", file=words, flush=True)
            os._exit(TOOK_TOO_MUCH)
        print(what, file=words, flush=True)


def _warm_up(door: Door, samples: list[Sample], place: Path) -> None:
    """Load what the door needs, so that it does not count as memory of the first file."""
    for sample in samples:
        path = place / "whole" / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
        door.enter(path)
        path.unlink()


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # as Linux counts


def _last_line() -> str:
    """The exception and where in our sources it came from, on one line."""
    kind, error, trace = sys.exc_info()
    ours = [f for f in traceback.extract_tb(trace) if "/tests/" not in f.filename]
    at = next((f for f in reversed(ours) if "/ssmamba/" in f.filename or "/training/" in f.filename
               or "/viewer/" in f.filename), None)  # fmt: skip
    where = f" at {Path(at.filename).name}:{at.lineno}" if at else ""
    assert kind is not None
    return f"{kind.__name__}: {' '.join(str(error).split())[:160]}{where}"


if __name__ == "__main__":
    _work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
