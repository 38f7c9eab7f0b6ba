"""Memory of the viewer's processes with a slide, two models and regions that both answered.

    python -m tests.benchmarks.resident SLIDE [--baseline PATH] [--models FILE FILE] [--repeat 3]

Starts ``main.py`` without a screen, with a new home, and waits until its processes have come to
rest (and the compiled kernels are kept, so the second start counts). Proportional memory (PSS): a
page that processes share counts by its share. ``--baseline`` is another checkout of this
repository, whose window is measured in turns. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.benchmarks.measuring import processor

HERE = Path(__file__).resolve().parents[2]
MODELS = ("resources/models/lac.safetensors", "resources/models/lac-mixer-mamba.safetensors")
REGIONS = 6  # squares of 224 px along the diagonal
REST = 4.0  # seconds with less than a twentieth of a core used: at rest
LONGEST = 240.0  # seconds until then, at most
MIB = 1 << 20


def main() -> None:
    asked = _arguments()
    checkouts = {"this build": HERE}
    if asked.baseline:
        checkouts["baseline"] = asked.baseline.resolve()
    found: dict[str, list[list[float]]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        regions = Path(folder) / "regions.geojson"
        regions.write_text(json.dumps(_regions()))
        homes = {name: Path(folder) / name for name in checkouts}
        for turn in range(asked.repeat + 1):
            for name in random.sample(list(checkouts), len(checkouts)):
                sizes = _sizes(checkouts[name], homes[name], asked, regions)
                if turn:
                    found[name].append(sizes)
    print(f"{processor()}; medians of {asked.repeat} starts; MiB (PSS): window, models, both")
    totals = {}
    for name, starts in found.items():
        middle = [statistics.median(column) for column in zip(*starts, strict=True)]
        totals[name] = middle[-1]
        print(f"  {name:12}" + "".join(f"{value:8.0f}" for value in middle))
    if asked.baseline:
        print(f"  this build is {totals['this build'] / totals['baseline']:.2f} x the baseline")


def _sizes(root: Path, home: Path, asked: argparse.Namespace, regions: Path) -> list[float]:
    """MiB of the window, of the other processes together, and of all, once they are at rest."""
    environment = {
        **os.environ, "PYTHONPATH": str(root), "QT_QPA_PLATFORM": "offscreen", "HOME": str(home),
        **{f"XDG_{kind}_HOME": str(home / kind) for kind in ("CACHE", "DATA", "CONFIG", "STATE")},
    }  # fmt: skip
    home.mkdir(exist_ok=True)
    models = [str((root / model).resolve()) for model in asked.models]
    with tempfile.TemporaryFile() as log:
        window = subprocess.Popen(
            [sys.executable, "main.py", str(asked.slide.resolve()), "--rois", str(regions),
             "--model", *models],
            cwd=root, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _rest(window)
            own = _pss(window.pid)
            others = sum(_pss(c.pid) for c in psutil.Process(window.pid).children(recursive=True))
        finally:
            for process in psutil.Process(window.pid).children(recursive=True):
                process.kill()
            window.kill()
            window.wait()
    return [own, others, own + others]


def _rest(window: subprocess.Popen[bytes]) -> None:
    """Wait until the processes do nothing any more."""
    end = time.monotonic() + LONGEST
    before, since = 0.0, time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.5)
        if window.poll() is not None:
            raise SystemExit(f"The window ended with {window.returncode}.")
        tree = [psutil.Process(window.pid), *psutil.Process(window.pid).children(recursive=True)]
        spent = sum(sum(process.cpu_times()[:2]) for process in tree)
        if abs(spent - before) > 0.05 * REST or len(tree) == 1:
            before, since = spent, time.monotonic()
        elif time.monotonic() - since > REST:
            return
    raise SystemExit(f"The window was not at rest after {LONGEST:.0f} s.")


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MIB
    raise RuntimeError("no Pss here")


def _regions() -> dict[str, object]:
    corners = [(0, 0), (224, 0), (224, 224), (0, 224), (0, 0)]
    features = [
        {
            "type": "Feature",
            "properties": {},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x + 400 + 230 * n, y + 400 + 230 * n] for x, y in corners]],
            },
        }
        for n in range(REGIONS)
    ]
    return {"type": "FeatureCollection", "features": features}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("slide", type=Path)
    parser.add_argument("--baseline", type=Path, help="another checkout of this repository")
    parser.add_argument("--models", nargs="+", default=MODELS, help="from a checkout's root")
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
