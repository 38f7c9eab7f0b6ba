"""Shared by the jobs: loaded models, open slides, the number of threads, recent answers."""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from ssmamba.engine.jobs.region import Region, read_as
from ssmamba.engine.messages import CheckpointFailed, Classify, Explain, Progress
from ssmamba.engine.scheduler import Steps
from ssmamba.engine.store import ModelStore, SlideStore
from ssmamba.errors import InputError, explain_failure
from ssmamba.inference.predictor import Precision, Prediction, Predictor
from ssmamba.ops import adopt_kernels
from ssmamba.reading.preprocess import Images
from ssmamba.reading.tissue_map import TissueMap, tissue_map
from ssmamba.reading.values import Check
from ssmamba.runtime.device import Device
from ssmamba.runtime.threads import ThreadTuner
from ssmamba.slides.slide import Slide

TISSUE_MAPS = 4  # kept, so that a scan that is asked for again begins at once
REMEMBERED = 256  # answers kept, so that a CAM of the predicted class need not classify again


class Bench:
    """One device, and everything that stays loaded between the steps of all jobs.

    precision: of the classifiers, see ``Predictor``; files of numbers are made in float32.
    """

    def __init__(self, device: Device, precision: Precision = "float32") -> None:
        self.device = device
        self.models = ModelStore(device, precision=precision)
        self.slides = SlideStore()
        self.threads = ThreadTuner()
        self.answers: OrderedDict[tuple, str] = OrderedDict()  # -> predicted class key
        self.tissue: OrderedDict[tuple, TissueMap] = OrderedDict()  # by file, as it was opened

    @contextmanager
    def reading(
        self, request: Classify | Explain, path: str, check: Check
    ) -> Iterator[tuple[Predictor, Region]]:
        """A classifier and the region as it reads it; both stay loaded and open meanwhile.

        check: called while the region's windows are chosen.
        """
        with self.models.held(path) as loaded:
            predictor = self.models.predictor_of(loaded)
            spec = predictor.card.input
            with read_as(request, self.slides, spec, predictor.device, check) as region:
                yield predictor, region

    @contextmanager
    def at_best(self, work: Hashable) -> Iterator[None]:
        """Run a piece of work, a batch say, with the best scan and number of threads there is now.

        work: names the pieces that take equally long.
        """
        adopt_kernels()
        with self.threads.measured(work):
            yield

    def predict(self, predictor: Predictor, pixels: Images) -> Prediction:
        """Classify one batch."""
        with self.at_best((predictor.checkpoint.sha256, len(pixels))):
            return predictor.predict(pixels)

    def tissue_of(self, slide: Slide) -> TissueMap:
        """Where tissue is on a slide; it is looked for once. Raises SlideError."""
        key = (str(slide.path), slide.info.file)
        if key not in self.tissue:
            self.tissue[key] = tissue_map(slide)
            while len(self.tissue) > TISSUE_MAPS:
                self.tissue.popitem(last=False)
        return self.tissue[key]

    def remember(self, key: tuple, predicted: str) -> None:
        """Keep the class key that a model gave a region (``Region.key``)."""
        self.answers[key] = predicted
        while len(self.answers) > REMEMBERED:
            self.answers.popitem(last=False)


def each_checkpoint(work: Callable[..., Steps], request: Classify | Explain, *given: Any) -> Steps:
    """Work for each checkpoint: its result, or ``CheckpointFailed`` while the others continue."""
    if not request.checkpoints:
        raise InputError("No model is loaded; open a checkpoint first.")
    for path in request.checkpoints:
        failed = None
        try:
            yield from work(request, *given, path)
        except Exception as error:  # its traceback holds tensors: nothing waits in this block
            details = traceback.format_exc()
            failed = CheckpointFailed(request.job, path, explain_failure(error), details)
        if failed is not None:
            yield failed


def progress(job: int, done: int, total: int, seconds: float) -> Progress:
    """Progress of a job after so many seconds of its own reading."""
    pace = done / max(seconds, 1e-9)
    return Progress(job, done, total, pace, (total - done) / pace)
