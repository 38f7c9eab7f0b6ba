"""What the benchmarks share: shuffled timing, and peak memory in a fresh process."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Summary = Callable[[list[float]], float]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def time_shuffled(
    variants: dict[str, Callable[[], object]],
    repeat: int,
    wait: Callable[[], object] | None = None,
    summary: Summary = statistics.median,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Milliseconds of each variant; their order is new in every repetition.

    ``time.process_time`` as the clock leaves out what other programs take (for one thread).
    """
    for run in variants.values():
        run()
    names = list(variants)
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeat):
        random.shuffle(names)
        for name in names:
            start = clock()
            variants[name]()
            if wait is not None:
                wait()
            times[name].append((clock() - start) * 1e3)
    return {name: summary(values) for name, values in times.items()}


def processor() -> str:
    """Name of this computer's processor, its number of cores, and what sets kinds apart."""
    facts: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            term, _, value = line.partition(":")
            facts.setdefault(term.strip(), value.strip())
    flags = facts.get("flags", "").split()
    kinds = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "BF16", "amx_tile": "AMX"}
    parts = [facts.get("model name") or platform.processor() or platform.machine()]
    parts += [f"{os.cpu_count()} cores", *(kind for flag, kind in kinds.items() if flag in flags)]
    return ", ".join(parts)


def can_measure_memory() -> bool:
    """Whether this system (Linux) tells a process's peak and lets it be reset."""
    return _RESET.exists()


def reset_peak() -> None:
    _RESET.write_text("5")


def peak_kib() -> int:
    """Peak resident memory since the start or the last reset."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM here")


def in_fresh_process(code: str) -> str:
    """Run Python code in a new process and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
