"""A whole scan beside its parts, a plain DataLoader and WSInfer: tiles a second, in one run.

    python -m tests.benchmarks.slide_pipelines SLIDE --model FILE --field-px N [--wsinfer PACKAGES]

The slide's level 0 is laid out --times × --times in a tiled JPEG file, so that there are as many
tiles as a whole slide has. All get the same tiles and batches, in shuffled order:

- scan: ``ssmamba.scan`` of one slide from opening it to its last result on the disk;
- the network alone on ready tensors, and OpenSlide's own reads, each on a thread a core;
- a plain pipeline: a DataLoader with a worker a core (OpenSlide, PIL, torchvision's transforms),
  and the same checkpoint's network in torch;
- WSInfer 0.6.1 (its packages in a folder of their own, see ``tests/ssmamba/export``) on the same
  network as TorchScript, by itself with a worker a core.

Wall time is that of the computer: stop what else runs.
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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import openslide
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import InputSpec
from ssmamba.headless.export.request import ExportRequest
from ssmamba.headless.export.run import export
from ssmamba.headless.scan.cohort import Entry
from ssmamba.headless.scan.request import ScanRequest
from ssmamba.headless.scan.worker import Worker
from ssmamba.inference.predictor import Predictor
from ssmamba.inference.stream import in_order
from ssmamba.kernels.preparing import compile_now
from ssmamba.reading.preprocess import to_tensor
from ssmamba.reading.slide_plan import GridOptions, SlidePlan, plan_slide
from ssmamba.runtime.memory import KEPT_BY_COMMANDS, keep_freed_memory
from ssmamba.slides.slide import Slide
from tests.benchmarks.measuring import processor
from tests.tiffs import JPEG, YCBCR, Kind, Page, write_tiff

BATCH = 16
PARTS = ("network alone", "OpenSlide's reads")
MPP = 0.5  # of level 0, which WSInfer wants to know
WSINFER = """
import json, sys, time
from pathlib import Path
import h5py, numpy as np
from wsinfer.modellib.models import LocalModelTorchScript
from wsinfer.modellib.run_inference import run_inference
from wsinfer.wsi import set_backend
from wsinfer_zoo.client import ModelConfiguration

folder, slides, results, places = map(Path, sys.argv[1:5])
set_backend("openslide")
config = ModelConfiguration.from_dict(json.loads((folder / "config.json").read_text()))
(results / "patches").mkdir(parents=True)
with h5py.File(results / "patches" / "slide.h5", "w") as file:
    found = file.create_dataset("coords", data=np.array(json.loads(places.read_text())))
    found.attrs.update(
        patch_size=int(sys.argv[5]), patch_level=0, patch_spacing_um_px=config.spacing_um_px
    )
model = LocalModelTorchScript(config=config, model_path=str(folder / "torchscript_model.pt"))
begun = time.perf_counter()
batch, workers = map(int, sys.argv[6:8])
failed = run_inference(slides, results, model, batch_size=batch, num_workers=workers)
assert failed == ([], []), failed
print("seconds", time.perf_counter() - begun)
"""


def write_times(path: Path, source: str, times: int) -> None:
    """Level 0 of a slide, times × times, as a tiled JPEG TIFF with two levels."""
    with Slide.open(source) as slide:
        width, height = slide.dimensions
        picture = slide.read_region(0, 0, 0, width, height)
    picture = np.tile(picture, (times, times, 1))
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    kind = Kind(tile=256, compression=JPEG, photometric=YCBCR, quality=80, subsampling=2)
    write_tiff(path, [Page(picture, kind), Page(small, replace(kind, reduced=True))])


class Tiles(Dataset):
    """As tutorials have it."""

    def __init__(self, path: str, corners: list[list[int]], side: int, spec: InputSpec) -> None:
        self.path, self.corners, self.side = path, corners, side
        self.slide: openslide.OpenSlide | None = None
        self.transform = transforms.Compose(
            [
                transforms.Resize(spec.window_px),
                transforms.ToTensor(),
                transforms.Normalize(spec.mean, spec.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, number: int) -> torch.Tensor:
        if self.slide is None:  # in the worker
            self.slide = openslide.OpenSlide(self.path)
        corner = tuple(self.corners[number])
        image = self.slide.read_region(corner, 0, (self.side, self.side)).convert("RGB")
        return self.transform(image)


def plain_pipeline(path: str, plan: SlidePlan, model: str) -> Callable[[], None]:
    loaded = checkpoint.load(model)
    spec, network = loaded.card.input, loaded.model.eval()
    corners = plan.windows[:, :2].astype(int).tolist()
    tiles = Tiles(path, corners, plan.grid.side, spec)
    loader = DataLoader(tiles, BATCH, num_workers=os.cpu_count() or 1, persistent_workers=True)

    def run() -> None:
        with torch.inference_mode():
            found = [network(batch).softmax(1) for batch in loader]
        assert len(torch.cat(found)) == len(corners)

    return run


def parts(path: str, plan: SlidePlan, predictor: Predictor) -> dict[str, Callable[[], None]]:
    """The network alone, and OpenSlide's reads, each batch by batch on a thread a core."""
    threads, spec = torch.get_num_threads(), predictor.card.input
    raw, side = openslide.OpenSlide(path), plan.grid.side
    windows = plan.windows.astype(int).tolist()
    spans = list(pairwise([*range(0, len(windows), BATCH), len(windows)]))
    with Slide.open(path) as slide:
        some = [slide.read_window(x, y, side, side) for x, y, _ in windows[:: len(windows) // 64]]
    ready = to_tensor(some[:BATCH], spec)
    twins = [predictor.twin() for _ in range(threads)]

    def lent(span: tuple[int, int]) -> None:
        twin = twins.pop()
        try:
            twin.predict_tensor(ready[: span[1] - span[0]])
        finally:
            twins.append(twin)

    def read(span: tuple[int, int]) -> None:
        for x, y, _ in windows[slice(*span)]:
            raw.read_region((x, y), 0, (side, side))

    def side_by_side(work: Callable[[tuple[int, int]], None]) -> Callable[[], None]:
        def run() -> None:
            one = torch.set_num_threads
            with ThreadPoolExecutor(threads, initializer=one, initargs=(1,)) as pool:
                for _ in in_order(pool, work, spans, threads + 1):
                    pass

        return run

    return {"network alone": side_by_side(lent), "OpenSlide's reads": side_by_side(read)}


def scan_of(path: str, options: GridOptions, predictor: Predictor, model: str, folder: Path):
    request = ScanRequest((path,), model, folder, options, device="cpu", batch=BATCH)
    worker, runs = Worker(request, predictor), iter(range(1000))

    def run() -> None:
        out = folder / str(next(runs))
        out.mkdir(parents=True)
        worker.read(Entry(Path(path), "slide"), out, lambda _: None)

    return run


def wsinfer(
    path: Path, plan: SlidePlan, model: str, packages: str, folder: Path, tiles: int
) -> float:
    """Seconds a tile of ``run_inference`` on some of the tiles."""
    mpp = MPP * plan.grid.side / checkpoint.load(model).card.input.window_px
    export(ExportRequest(model, folder / "zoo", target_mpp=mpp))
    corners = plan.windows[:tiles, :2].astype(int).tolist()
    (folder / "places.json").write_text(json.dumps(corners))
    code = f"import sys; sys.path.insert(0, {packages!r})\n{WSINFER}"
    given = [folder / "zoo", path.parent, folder / "results", folder / "places.json"]
    numbers = [plan.grid.side, BATCH, os.cpu_count() or 1]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, [*given, *numbers])],
        capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(folder), "WSINFER_FORCE_CPU": "1"},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.split("seconds")[-1]) / len(corners)


def timed(runs: dict[str, Callable[[], None]], repeat: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of each, wall and CPU of this process, medians; each has run once before."""
    for run in runs.values():
        run()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name in random.sample(list(runs), len(runs)):
            wall, own = time.perf_counter(), time.process_time()
            runs[name]()
            times[name].append((time.perf_counter() - wall, time.process_time() - own))
    return {
        n: tuple(1e3 * statistics.median(v) for v in zip(*t, strict=True)) for n, t in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("slide")
    parser.add_argument("--model", required=True)
    parser.add_argument("--field-px", type=float)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--wsinfer", help="folder of WSInfer's packages")
    parser.add_argument("--wsinfer-tiles", type=int, default=64)
    parser.add_argument("--only", default="", help="names of what runs beside the scan, by commas")
    given = parser.parse_args()
    keep_freed_memory(KEPT_BY_COMMANDS)  # first of all, as the command does
    print(processor())
    compile_now()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "slides").mkdir()
        path = folder / "slides" / "slide.tif"
        write_times(path, given.slide, given.times)
        options = GridOptions(field_px=given.field_px)
        predictor = Predictor(given.model, "cpu", BATCH)
        with Slide.open(path) as slide:
            plan = plan_slide(slide, predictor.card.input, options)
        runs = {
            "scan": scan_of(str(path), options, predictor, given.model, folder / "out"),
            **parts(str(path), plan, predictor),
            "plain DataLoader": plain_pipeline(str(path), plan, given.model),
        }
        only = [name for name in given.only.split(",") if name]
        runs = {name: run for name, run in runs.items() if not only or name in ("scan", *only)}
        tiles = len(plan.windows)
        print(f"{tiles} tiles of {plan.grid.side} px, {torch.get_num_threads()} threads")
        found = timed(runs, given.repeat)
        wall, own = found["scan"]
        print(f"median of {given.repeat}, ms a tile (of the scan's): wall; CPU of this process")
        for name, (one, other) in found.items():
            told = f"{one / tiles:.2f} ({one / wall:.2f}); {other / tiles:.2f} ({other / own:.2f})"
            print(f"  {name}: {told}")
        for column, what in enumerate(("wall", "CPU")):
            slower = max(found[name][column] for name in PARTS if name in found)
            print(f"  scan at {slower / found['scan'][column]:.2f} of the slower part, {what}")
        if given.wsinfer:
            other = (
                wsinfer(path, plan, given.model, given.wsinfer, folder, given.wsinfer_tiles) * 1e3
            )
            print(f"  WSInfer: {other:.2f} ({other * tiles / wall:.1f})")


if __name__ == "__main__":
    main()
