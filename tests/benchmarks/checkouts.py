"""This checkout beside an older one, both in processes of their own, in turns.

Part of ``python -m tests.benchmarks.block --baseline PATH``.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
WARM = 3  # first runs, which pack weights, choose precisions and fill caches


class Checkout:
    """A process with one checkout's code."""

    def __init__(self, root: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(root)}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE.with_name("worker.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=environment,
        )  # fmt: skip

    def run(self, **asked: Any) -> dict[str, float]:
        """Seconds of one forward pass, as ``wall`` and as ``cpu``."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def compare(
    baseline: Path, models: list[str], batches: list[int], side: int, threads: int, repeat: int,
    clock: str,
) -> None:  # fmt: skip
    """Print milliseconds of each variant, against the baseline's float32 and ViT-S/16."""
    new, old = Checkout(HERE.parents[2]), Checkout(baseline)
    variants: dict[str, tuple[Checkout, str, str]] = {}
    for name in models:
        own = name in ("nano", "tiny", "small", "base")
        if own:
            variants[f"{name}, baseline"] = old, name, "float32"
            variants[f"{name}, baseline by autocast"] = old, name, "autocast"
        variants[f"{name}, float32"] = new, name, "float32"
        variants[f"{name}, {'auto' if own else 'autocast'}"] = (
            new, name, "auto" if own else "autocast",
        )  # fmt: skip
    try:
        for batch in batches:
            times: dict[str, list[float]] = {title: [] for title in variants}
            for at in range(WARM + repeat):
                for title in random.sample(list(variants), len(variants)):
                    checkout, name, precision = variants[title]
                    asked = {"name": name, "batch": batch, "side": side, "precision": precision}
                    spent = checkout.run(threads=threads, **asked)
                    if at >= WARM:
                        times[title].append(spent[clock] * 1e3)
            _report(batch, side, times)
    finally:
        new.close()
        old.close()


def _report(batch: int, side: int, times: dict[str, list[float]]) -> None:
    middle = {title: statistics.median(found) for title, found in times.items()}
    for title, value in middle.items():
        name, _, kind = title.partition(", ")
        base = middle.get(f"{name}, baseline")
        against = "" if base is None else f"baseline / this {base / value:5.2f}"
        like = "float32" if kind in ("float32", "baseline") else "autocast"
        vit = middle.get(f"ViT-S/16, {like}")
        ratio = "" if vit is None else f"x ViT-S/16 in like precision {value / vit:5.3f}"
        least = min(times[title])
        print(
            f"{batch:>3} x {side}  {title:<32} {value:>9.1f} ms (least {least:.1f})  "
            f"{against:<22} {ratio}",
            flush=True,
        )
