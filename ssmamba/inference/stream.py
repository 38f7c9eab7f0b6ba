"""Many windows of a slide through a model: reading, looking and the network side by side.

Each window goes the way of ``ssmamba.engine.jobs.poll``, so that a region's answers are the same
wherever they are asked for. What is ahead of the consumer is bounded, whatever the slide's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ssmamba.checkpoints.card import InputSpec
from ssmamba.inference.glance import obstacles
from ssmamba.inference.judge import doubts_of_windows
from ssmamba.inference.predictor import Prediction, Predictor
from ssmamba.kernels import preparing
from ssmamba.reading.plan import transform_of
from ssmamba.reading.preprocess import resize_image
from ssmamba.reading.values import Doubt
from ssmamba.slides.resizing import all_resized
from ssmamba.slides.slide import Slide

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Windows that were read and looked at."""

    inputs: np.ndarray  # (N, window_px, window_px, 3) uint8 RGB
    obstacles: tuple[Doubt, ...]  # what hides each from the model; "" where nothing does


@dataclass(frozen=True)
class Answers:
    """What a model says to N windows."""

    probabilities: np.ndarray  # (N, K) float32, classes in the order of the card
    doubts: np.ndarray  # (N,) uint8, codes of ``ssmamba.reading.doubts.CODES``


class WindowReader:
    """Reads a slide's windows for a model; any number of threads may use it.

    Args:
        out_px: pixels read along a window (``ssmamba.reading.plan.read_px``).
        icc: whether the slide's profile is applied.
    """

    def __init__(self, slide: Slide, spec: InputSpec, out_px: int, icc: bool) -> None:
        self._slide, self._spec, self._out_px = slide, spec, out_px
        self._transform = transform_of(slide, icc)
        preparing.at_hand()  # what is not there yet is done without

    def read(self, windows: np.ndarray) -> Batch:
        """Windows (N, 3) of x, y, side, level-0 pixels. Raises SlideError."""
        read = self._slide.read_windows(windows.tolist(), self._out_px)
        if self._transform is not None:
            read = [self._transform.apply(pixels) for pixels in read]
        spec = self._spec
        inputs = all_resized(read, spec.window_px, spec.window_px)
        shown = inputs if spec.window_px == spec.source_px else read
        sights = [resize_image(image, spec.source_px) for image in shown]  # as sharp as it sees it
        return Batch(inputs, tuple(obstacles(sights, spec.stain)))


def answered(
    predictor: Predictor, batch: Batch, predict: Callable[[np.ndarray], Prediction] | None = None
) -> Answers:
    """Answers to a batch. predict: instead of the predictor's own."""
    found = (predict or predictor.predict)(batch.inputs)
    doubts = doubts_of_windows(predictor.card, predictor.checkpoint.extra, batch.obstacles, found)
    return Answers(found.probabilities, doubts)


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[S], T], items: Iterable[S], ahead: int
) -> Iterator[tuple[S, T]]:
    """Items and what ``work`` makes of them, in order, with ``ahead`` more under way in a pool.

    The first failure is raised; what is still waiting then is cancelled.
    """
    waiting: deque[tuple[S, Future[T]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        for _, future in waiting:
            future.cancel()
