"""A whole slide read by one model, the coarse first and outwards from a place, a batch a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np

from ssmamba.engine.jobs.bench import Bench, progress
from ssmamba.engine.long_work import give_way
from ssmamba.engine.messages import ScanBegun, ScanSlide, ScanTiles
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.errors import NoTissue, SlideError
from ssmamba.inference.predictor import Predictor
from ssmamba.inference.stream import WindowReader, answered, in_order
from ssmamba.ops import choose_backend
from ssmamba.reading.grid import coarse_first, strides_of
from ssmamba.reading.slide_plan import GridOptions, SlidePlan, plan_slide
from ssmamba.reading.values import PackedArray, Stamp
from ssmamba.slides.slide import Slide

BATCH = {"cpu": 4, "cuda": 64}  # windows of a step: what is asked meanwhile waits for one at most
FEW = {"cpu": 1, "cuda": 64}  # of a step while something is asked again and again
ASKED_S = 3.0  # for so long after something else was answered
READERS = {"cpu": 1, "cuda": 8}  # threads that read ahead; on a CPU the network has the others
AHEAD = 2  # batches for each
TURN_S = 0.005  # between two steps: another job had a turn
POLL_S = 0.02  # a step while tissue is looked for in another thread


def scan_slide(request: ScanSlide, bench: Bench, spent: Spent) -> Steps:
    """One ``ScanBegun``, then ``ScanTiles`` until all windows are read. Raises SSMambaError."""
    ref = request.slide
    with (
        bench.models.held(request.checkpoint) as loaded,
        bench.slides.held(ref.path, ref.file) as slide,
    ):
        predictor = bench.models.predictor_of(loaded)
        kind = "cuda" if predictor.device.is_cuda else "cpu"
        with _readers(READERS[kind]) as pool:
            planned = pool.submit(_prepared, request, bench, predictor, slide)
            while not planned.done():
                wait([planned], POLL_S)
                spent()
                yield None
            plan, cells, begun = planned.result()
            yield begun
            strides, windows = strides_of(cells), plan.grid.windows(cells)
            reader = WindowReader(slide, predictor.card.input, plan.out_px, plan.icc)
            since, known, turns = spent(), len(plan.cells) - len(cells), _Turns()
            batches = in_order(
                pool,
                lambda part: reader.read(windows[part]),
                _parts(len(cells), lambda: (FEW if turns.shared else BATCH)[kind]),
                AHEAD * READERS[kind],
            )
            for part, batch in batches:
                found = answered(predictor, batch, lambda images: bench.predict(predictor, images))
                done = part.stop
                pace = progress(request.job, done, len(cells), spent() - since)
                turns.leave()
                yield ScanTiles(
                    job=request.job,
                    cells=PackedArray.of(cells[part]),
                    strides=PackedArray.of(strides[part].astype(np.uint8)),
                    probabilities=PackedArray.of(found.probabilities.astype(np.float16)),
                    doubts=PackedArray.of(found.doubts),
                    done=known + done,
                    total=len(plan.cells),
                    per_second=pace.per_second,
                    left_s=pace.left_s,
                )
                turns.come_back()


class _Turns:
    """Notices that other jobs had turns between this one's steps."""

    def __init__(self) -> None:
        self._left = 0.0
        self._shared_at = float("-inf")

    @property
    def shared(self) -> bool:
        return time.monotonic() - self._shared_at < ASKED_S

    def leave(self) -> None:
        self._left = time.monotonic()

    def come_back(self) -> None:
        now = time.monotonic()
        if now - self._left > TURN_S:
            self._shared_at = now


def _parts(total: int, size: Callable[[], int]) -> Iterator[slice]:
    """Slices of 0..total, each as long as is asked when it begins."""
    first = 0
    while first < total:
        last = min(first + size(), total)
        yield slice(first, last)
        first = last


@contextmanager
def _readers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that are not waited for: a cancelled job gives way at once."""
    pool = ThreadPoolExecutor(count, "scan", initializer=give_way)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _prepared(
    request: ScanSlide, bench: Bench, predictor: Predictor, slide: Slide
) -> tuple[SlidePlan, np.ndarray, ScanBegun]:
    """The plan, the cells to be read in order, (N, 2) int32, and what is told beforehand.

    Millions of windows take seconds, in which others are answered.
    """
    plan = _plan(request, bench, predictor, slide)
    cells = plan.cells[_order(request, slide, plan)]
    cells = cells[~_is_known(cells, request, plan)]
    return plan, cells, _begun(request, predictor, slide, plan)


def _plan(request: ScanSlide, bench: Bench, predictor: Predictor, slide: Slide) -> SlidePlan:
    options = GridOptions(
        overlap=request.overlap,
        mpp=request.slide.mpp,
        field_px=request.field_px,
        icc=request.slide.icc,
    )
    tissue = bench.tissue_of(slide).corrected(request.added, request.removed)
    try:
        return plan_slide(slide, predictor.card.input, options, tissue)
    except NoTissue as error:
        raise SlideError(
            "{found}; draw regions by hand, or open another slide.", found=error.found
        ) from error


def _order(request: ScanSlide, slide: Slide, plan: SlidePlan) -> np.ndarray:
    """Numbers (N,) that put the plan's cells in the order in which they are read."""
    step = plan.grid.step
    x, y = request.begin or (slide.dimensions[0] / 2, slide.dimensions[1] / 2)
    view = None
    if request.view is not None:
        left, top, right, bottom = (v / step for v in request.view)
        view = (top, left, bottom, right)
    return coarse_first(plan.cells, (y / step, x / step), view=view)


def _is_known(cells: np.ndarray, request: ScanSlide, plan: SlidePlan) -> np.ndarray:
    """Which of cells (N, 2) were read before, (N,) bool."""
    if request.known is None:
        return np.zeros(len(cells), bool)
    numbers = (c[:, 0].astype(np.int64) * plan.grid.columns + c[:, 1]
               for c in (cells, request.known.array))  # fmt: skip
    return np.isin(*numbers)


def _bits(plan: SlidePlan) -> np.ndarray:
    """Which windows of the grid are read, packed bits, row by row."""
    found = np.zeros((plan.grid.rows, plan.grid.columns), bool)
    found[plan.cells[:, 0], plan.cells[:, 1]] = True
    return np.packbits(found)


def _begun(request: ScanSlide, predictor: Predictor, slide: Slide, plan: SlidePlan) -> ScanBegun:
    grid, device = plan.grid, predictor.device.name
    return ScanBegun(
        job=request.job,
        checkpoint=request.checkpoint,
        side=grid.side,
        exact_side=grid.exact_side,
        step=grid.step,
        rows=grid.rows,
        columns=grid.columns,
        windows=len(plan.cells),
        wanted=PackedArray.of(_bits(plan)),
        tissue=PackedArray.of(plan.tissue.kinds),
        tissue_scale=plan.tissue.scale,
        classes=tuple(info.key for info in predictor.card.classes),
        stamp=Stamp(
            slide_path=str(slide.path),
            slide_hash=slide.quick_hash,
            roi_id="",
            roi_geometry="",
            checkpoint_sha256=predictor.checkpoint.sha256,
            device=device,
            scan_backend=choose_backend(device).name,
            mpp=plan.mpp,
            icc=plan.icc,
            mode="scan",
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        notes=plan.notes + predictor.notes,
    )
