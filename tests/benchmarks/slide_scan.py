"""Tiles a second of a scan beside its parts, and its memory on a slide of 100,000 × 80,000 px.

    python -m tests.benchmarks.slide_scan SLIDE --model FILE --field-px N [--tiles 64] [--repeat 5]
    python -m tests.benchmarks.slide_scan --memory --model FILE [--field-px 2000]

All parts have the same tiles, batches and threads, in shuffled order, in one process: the network
alone on ready pictures, OpenSlide's own reads of the level that is read, looking at the pictures,
and the whole (without writing). Processor time leaves out what other programs take.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import cv2
import openslide
import torch

from ssmamba.inference.predictor import Predictor
from ssmamba.inference.sight import look
from ssmamba.inference.stream import WindowReader, answered, in_order
from ssmamba.reading.preprocess import resize_image
from ssmamba.reading.slide_plan import GridOptions, plan_slide
from ssmamba.slides.slide import Slide
from tests.benchmarks.measuring import processor, time_shuffled
from tests.huge_slides import write_huge
from tests.slides import grainy


def parts(path: str, model: str, field_px: float | None, tiles: int, batch: int) -> dict:
    """Name -> a function that does that part for all tiles."""
    predictor = Predictor(model, "cpu", batch)
    spec, threads = predictor.card.input, torch.get_num_threads()
    twins: SimpleQueue[Predictor] = SimpleQueue()
    for _ in range(threads):
        twins.put(predictor.twin())
    slide, raw = Slide.open(path), openslide.OpenSlide(path)
    plan = plan_slide(slide, spec, GridOptions(field_px=field_px))
    windows = plan.windows[:tiles]
    spans = list(pairwise([*range(0, len(windows), batch), len(windows)]))
    reader = WindowReader(slide, spec, plan.out_px, plan.icc)
    ready = {span: reader.read(windows[slice(*span)]) for span in spans}
    level, factor = plan.level, slide.levels[plan.level].downsample
    side = round(plan.grid.side / factor)

    def lent(work: Callable[[Predictor], object]) -> None:
        twin = twins.get()
        try:
            work(twin)
        finally:
            twins.put(twin)

    def read_raw(span: tuple[int, int]) -> None:
        for x, y, _ in windows[slice(*span)].astype(int).tolist():
            raw.read_region((x, y), level, (side, side))

    seen = {
        span: [resize_image(slide.read_window(*w, plan.out_px), spec.source_px)
               for w in windows[slice(*span)].tolist()]
        for span in spans
    }  # fmt: skip

    def looked(span: tuple[int, int]) -> None:
        for image in seen[span]:
            look(image, spec.stain)

    def side_by_side(work: Callable[[tuple[int, int]], object]) -> Callable[[], None]:
        def run() -> None:
            with ThreadPoolExecutor(
                threads, initializer=torch.set_num_threads, initargs=(1,)
            ) as pool:
                for _ in in_order(pool, work, spans, threads + 1):
                    pass

        return run

    print(f"{len(windows)} tiles of {plan.grid.side} px from level {level}, {threads} threads")
    return {
        "network alone": side_by_side(lambda s: lent(lambda p: p.predict(ready[s].inputs))),
        "OpenSlide's reads": side_by_side(read_raw),
        "our reads with looking": side_by_side(lambda s: reader.read(windows[slice(*s)])),
        "looking alone": side_by_side(looked),
        "scan": side_by_side(
            lambda s: lent(lambda p: answered(p, reader.read(windows[slice(*s)])))
        ),
    }


def memory(model: str, field_px: float) -> None:
    """Peak resident memory of the command on a huge slide, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        slide = Path(folder) / "huge.tif"
        write_huge(slide, tissue=[grainy(512, 512, seed) for seed in range(4)])
        given = [str(slide), "--model", model, "--field-px", str(field_px), "--device", "cpu"]
        code = (
            "import resource, sys; from ssmamba.scan import main; status = main(sys.argv[1:]); "
            "print('peak MB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); "
            "sys.exit(status)"
        )
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code, *given, "--out", folder + "/out"], check=True)
        print(f"{time.perf_counter() - start:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("slide", nargs="?")
    parser.add_argument("--model", required=True)
    parser.add_argument("--field-px", type=float)
    parser.add_argument("--tiles", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    print(processor())
    if given.memory:
        memory(given.model, given.field_px or 2000.0)
        return
    cv2.setNumThreads(1)
    torch.set_num_threads(torch.get_num_threads())
    runs = parts(given.slide, given.model, given.field_px, given.tiles, given.batch)
    for clock in (time.process_time, time.perf_counter):
        found = time_shuffled(runs, given.repeat, summary=min, clock=clock)
        slower = max(found["network alone"], found["OpenSlide's reads"])
        print(f"{clock.__name__}, least of {given.repeat}, ms a tile:")
        for name, value in found.items():
            print(f"  {name}: {value / given.tiles:.2f}")
        print(f"  scan at {slower / found['scan']:.2f} of the slower of the first two")


if __name__ == "__main__":
    main()
