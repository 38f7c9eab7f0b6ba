"""What the first answer on a computer costs: `predict` on one image, with and without kernels.

    python -m tests.benchmarks.first_minute [--baseline PATH] [--repeat 3] [--image FILE]

Each run is a fresh process with a cache folder of its own: a fresh one, where the kernels have not
been compiled, or a full one. ``--baseline`` is another checkout, whose runs are mixed with ours in
an order shuffled anew in each repetition. Wall time counts what other programs take, CPU time (user
and system, of the process that answers) does not; minima are printed, and the share of the
baseline's. What is compiled meanwhile runs in a process of its own: its CPU time is a row for
itself, and the next run begins when it has ended.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.benchmarks.measuring import processor

ROOT = Path(__file__).resolve().parents[2]
MODEL = Path("resources", "models", "lac.safetensors")
PATIENCE_S = 900.0


class Cost(NamedTuple):
    wall_s: float
    cpu_s: float
    peak_mib: float


def run(root: Path, cache: Path, *arguments: str) -> Cost:
    """A module of a checkout in a fresh process, to its end."""
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(cache)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=root, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    told = process.stderr.read().decode("utf-8", "replace")
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}:\n{told}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def answer(root: Path, cache: Path, image: Path) -> Cost:
    with tempfile.TemporaryDirectory() as out:
        return run(
            root, cache, "ssmamba.predict", str(image), "--model", str(root / MODEL), "--out", out,
            "--device", "cpu",
        )  # fmt: skip


def prepares(root: Path) -> bool:
    """Whether a checkout compiles in a process of its own."""
    return (root / "ssmamba" / "kernels" / "preparing.py").exists()


def wait_until_compiled(cache: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while len(list(cache.glob("scan-*/*.o"))) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    while list(cache.glob("scan-*/progress")) and time.monotonic() < until:
        time.sleep(0.2)


def measure(roots: dict[str, Path], image: Path, repeat: int) -> dict[str, list[Cost]]:
    """Costs by what was run."""
    costs: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, root in roots.items():  # what Python compiles itself is not the question
            answer(root, place / f"{name} full", image)
            if prepares(root):
                wait_until_compiled(place / f"{name} full")
        runs = [(name, kind) for name in roots for kind in ("fresh", "full")]
        for number in range(repeat):
            random.shuffle(runs)
            for name, kind in runs:
                root = roots[name]
                cache = place / (f"{name} {number}" if kind == "fresh" else f"{name} full")
                costs.setdefault(f"{name}, {kind} cache", []).append(answer(root, cache, image))
                if kind == "fresh" and prepares(root):
                    wait_until_compiled(cache)
                    again = place / f"{name} {number} alone"
                    cost = run(root, again, "ssmamba.kernels.preparing")
                    costs.setdefault(f"{name}, compiling process", []).append(cost)
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baseline", type=Path, metavar="PATH", help="another checkout")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--image", type=Path, help="a picture; an even one unless given")
    options = parser.parse_args()
    roots = {"ours": ROOT}
    if options.baseline is not None:
        roots["baseline"] = options.baseline.resolve()
    with tempfile.TemporaryDirectory() as folder:
        image = options.image or Path(folder, "even.png")
        if options.image is None:
            Image.effect_noise((224, 224), 60).convert("RGB").save(image)
        costs = measure(roots, image.resolve(), options.repeat)
    print(f"{processor()}, minima of {options.repeat} runs")
    best = {name: Cost(*map(min, zip(*found, strict=True))) for name, found in costs.items()}
    first = best.get("baseline, fresh cache")
    for name, cost in sorted(best.items()):
        share = "" if first is None else f"  CPU {cost.cpu_s / first.cpu_s:.2f} x baseline, fresh"
        print(
            f"{name:<26} wall {cost.wall_s:6.1f} s  CPU {cost.cpu_s:6.1f} s  "
            f"peak {cost.peak_mib:5.0f} MiB{share}"
        )
    ratio = best["ours, fresh cache"].wall_s / best["ours, full cache"].wall_s
    print(f"ours, fresh against full: wall {ratio:.2f} x (aim 1.5)")


if __name__ == "__main__":
    main()
