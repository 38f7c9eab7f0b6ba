"""One slide from its file to its results, with a model on a device."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import cv2
import numpy as np
import torch

from ssmamba.errors import DataError
from ssmamba.files import read_json, refuse_unwritable, remove_partials, unwritten, write_json
from ssmamba.headless.over_slides import Say
from ssmamba.headless.scan.cohort import Entry
from ssmamba.headless.scan.heat_map import write_heat_map
from ssmamba.headless.scan.kept import KeptAnswers
from ssmamba.headless.scan.overview import write_overview
from ssmamba.headless.scan.request import BATCH, ScanRequest
from ssmamba.headless.scan.result import SlideScan, in_grid_order, summary_of
from ssmamba.headless.scan.tiles import write_csv, write_geojson
from ssmamba.headless.tissue_files import TissueFiles
from ssmamba.inference.predictor import Predictor
from ssmamba.inference.stream import Answers, WindowReader, answered, in_order
from ssmamba.kernels import preparing
from ssmamba.reading.slide_plan import GridOptions, SlideGrid, SlidePlan, plan_slide
from ssmamba.reading.tissue_map import overview_of, tissue_map
from ssmamba.slides.file_state import file_state
from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide

T = TypeVar("T")

SUMMARY_FILE, RUN_FILE = "summary.json", "run.json"
PROGRESS_EVERY_S = 5.0
BYTES_A_TILE = 1500  # of all results together, at most


class Worker:
    """A model that reads slides: threads that read, and on a CPU threads that also answer.

    On a CPU each thread takes a batch from the file to its answers with one thread of torch: a
    parallel loop within the network would wait for cores that decode. The batches are the same
    whatever the number of threads, and so are the answers.
    """

    def __init__(self, request: ScanRequest, predictor: Predictor) -> None:
        self.request, self.predictor = request, predictor
        self.corrections = TissueFiles(request.tissue)
        on_gpu = predictor.device.is_cuda
        self.batch = request.batch or BATCH["cuda" if on_gpu else "cpu"]
        predictor.batch_size = self.batch
        self._threads = torch.get_num_threads()
        self._twins: SimpleQueue[Predictor] = SimpleQueue()
        for _ in range(0 if on_gpu else self._threads):
            self._twins.put(predictor.twin())
        cv2.setNumThreads(1)
        preparing.at_hand()  # compiled kernels make slides smaller, too

    def read(self, entry: Entry, folder: Path, say: Say) -> None:
        """Read a slide and write its results; the folder's lock is held.

        Goes on where a killed run ended. Raises SSMambaError, and leaves no result half-written.
        """
        began, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        remove_partials(folder)
        spec, options = self.predictor.card.input, options_for(entry, self.request.options)
        with Slide.open(entry.path) as slide, _beside(content_hash, slide) as found:
            overview = overview_of(slide)
            tissue = self.corrections.tissue(entry, slide, say, overview)
            tissue = tissue_map(slide, overview) if tissue is None else tissue
            plan = plan_slide(slide, spec, options, tissue)
            state = slide.info.file
            (folder / SUMMARY_FILE).unlink(missing_ok=True)  # of an older file
            refuse_unwritable(folder, len(plan.cells) * BYTES_A_TILE)
            say(f"{len(plan.cells)} tiles of {plan.grid.side} px ({rounding(plan)})")
            for note in slide.info.notes:
                say(note)
            try:
                scan, fresh = self._answered(slide, found.result(), plan, entry, folder, say)
                self._write(scan, overview.pixels, folder)
                seconds = time.monotonic() - clock
                run = {
                    "begun": began,
                    "file": list(state[:2]) if state else None,  # size in bytes, time of change, ns
                    "seconds": round(seconds, 2),
                    "tiles_read": fresh,
                    "device": self.predictor.device.label,
                    "machine": platform.node(),
                    "notes": list(self.predictor.notes),
                }
                write_json(folder / RUN_FILE, run)
                summary = summary_of(scan)
                if (correction := self.corrections.key(entry)) is not None:
                    summary["tissue_corrected"] = correction
                write_json(folder / SUMMARY_FILE, summary)
                KeptAnswers.remove(folder)
            except OSError as error:
                raise unwritten(folder, error) from error
        say(f"done in {seconds:.0f} s, {fresh / max(seconds, 1e-9):.1f} tiles/s")

    def _answered(
        self, slide: Slide, found: str, plan: SlidePlan, entry: Entry, folder: Path, say: Say
    ) -> tuple[SlideScan, int]:
        """The slide's answers, and how many of them are new. Raises OSError or SSMambaError.

        found: the hash of its content.
        """
        card, sha256 = self.predictor.card, self.predictor.checkpoint.sha256
        starts = [*range(0, len(plan.cells), self.batch), len(plan.cells)]
        key = {
            "slide_hash": found,
            "model_sha256": sha256,
            "side": plan.grid.side,
            "step": plan.grid.step,
            "out_px": plan.out_px,
            "icc": plan.icc,
            "tiles": len(plan.cells),
            "batch": self.batch,
        }
        if (correction := self.corrections.key(entry)) is not None:
            key["tissue"] = correction
        counts = [b - a for a, b in pairwise(starts)]
        with KeptAnswers(folder, key, counts, len(card.classes)) as kept:
            done = starts[kept.batches]
            if done:
                say(f"goes on after {done} of {len(plan.cells)} tiles")
            told = _Told(done, len(plan.cells), say)
            for answers in self._stream(slide, plan, starts[kept.batches :]):
                kept.add(answers)
                told.add(len(answers.doubts))
            order = in_grid_order(plan)
            scan = SlideScan(
                entry=entry,
                card=card,
                model_sha256=sha256,
                slide_hash=found,
                dimensions=slide.dimensions,
                bounds_offset=slide.info.bounds_offset,
                plan=plan,
                cells=plan.cells[order],
                shares=plan.shares[order],
                probabilities=kept.probabilities[order],
                doubts=kept.doubts[order],
            )
        return scan, len(plan.cells) - done

    def _stream(self, slide: Slide, plan: SlidePlan, starts: list[int]) -> Iterator[Answers]:
        windows, spec = plan.windows, self.predictor.card.input
        reader = WindowReader(slide, spec, plan.out_px, plan.icc)
        spans = list(pairwise(starts))
        with ThreadPoolExecutor(
            self._threads, "tiles", initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            if self.predictor.device.is_cuda:
                batches = in_order(
                    pool, lambda span: reader.read(windows[slice(*span)]), spans, self._threads + 2
                )
                for _, batch in batches:
                    yield answered(self.predictor, batch)
                return

            def whole(span: tuple[int, int]) -> Answers:
                batch = reader.read(windows[slice(*span)])
                twin = self._twins.get()
                try:
                    return answered(twin, batch)
                finally:
                    self._twins.put(twin)

            for _, answers in in_order(pool, whole, spans, self._threads + 1):
                yield answers

    def _write(self, scan: SlideScan, picture: np.ndarray, folder: Path) -> None:
        """All results but the summary, which comes last: where it is, the slide is done.

        Raises OSError.
        """
        formats = self.request.formats
        with ThreadPoolExecutor(1, "overview") as pool:
            overview = pool.submit(write_overview, folder / "overview.png", picture, scan)
            if "geojson" in formats:
                write_geojson(folder / "tiles.geojson", scan)
            if "csv" in formats:
                write_csv(folder / "tiles.csv", scan)
            if "tiff" in formats:
                write_heat_map(folder / "heatmap.ome.tif", scan)
            overview.result()


@contextmanager
def _beside(work: Callable[[Slide], T], slide: Slide) -> Iterator[Future[T]]:
    """Work on a slide while its tissue is looked for."""
    with ThreadPoolExecutor(1, "beside") as pool:
        yield pool.submit(work, slide)


class _Told:
    """Tiles a second and the time left, every few seconds."""

    def __init__(self, done: int, total: int, say: Say) -> None:
        self._first = self._done = done
        self._total, self._say = total, say
        self._began = self._last = time.monotonic()

    def add(self, tiles: int) -> None:
        self._done += tiles
        now = time.monotonic()
        if now - self._last < PROGRESS_EVERY_S:
            return
        self._last = now
        pace = (self._done - self._first) / (now - self._began)
        left = (self._total - self._done) / pace
        self._say(f"{self._done}/{self._total} tiles, {pace:.1f} a second, {left:.0f} s left")


def is_done(
    entry: Entry, folder: Path, options: GridOptions, correction: str | None = None
) -> bool:
    """Whether the results of a slide are there.

    Those of a file that has changed since, of another µm/px, or of tissue that is corrected
    otherwise (``TissueFiles.key``) are not: it is read again. Raises DataError where they are
    another slide's.
    """
    summary, run = read_json(folder / SUMMARY_FILE), read_json(folder / RUN_FILE)
    if not isinstance(summary, dict):
        return False
    if correction != summary.get("tissue_corrected"):
        return False
    mpp = options_for(entry, options).mpp
    if mpp is not None and mpp != summary.get("slide_mpp"):
        return False
    same_path = summary.get("slide") == str(entry.path)
    state = file_state(entry.path)
    if same_path and (state is None or (isinstance(run, dict) and run.get("file") == [*state[:2]])):
        return True
    with Slide.open(entry.path) as slide:
        if content_hash(slide) == summary.get("slide_hash"):
            return True
    if not same_path:
        raise DataError(
            f"{folder} holds the results of another slide, {summary.get('slide')}; choose another "
            "--out."
        )
    return False


def options_for(entry: Entry, options: GridOptions) -> GridOptions:
    """The run's options with the slide's own µm/px."""
    return options if entry.mpp is None else replace(options, mpp=entry.mpp)


def rounding(plan: SlideGrid) -> str:
    """ "exact, 448 px", or how far a window is from the side that the scale asks for."""
    grid = plan.grid
    off = grid.side - grid.exact_side
    return "exact" if abs(off) < 1e-9 else f"{off:+.2f} px, {grid.rounding:+.2%} by rounding"
