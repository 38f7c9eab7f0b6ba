"""How well a model fits a slide: the distance of a few windows of its tissue."""

from __future__ import annotations

import numpy as np

from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.messages import FitResult, MeasureFit
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.inference.familiar import MEAN, PRECISION, familiarity
from ssmamba.reading.plan import read_window, uses_icc
from ssmamba.reading.samples import tissue_samples
from ssmamba.reading.scale import field_on


def measure_fit(request: MeasureFit, bench: Bench, spent: Spent) -> Steps:
    """One ``FitResult``; a window a step. Raises CheckpointError or SlideError.

    The scale is the likely one where none is known (``reading.scale``): no class comes of it.
    """
    ref = request.slide
    distances: list[float] = []
    with (
        bench.models.held(request.checkpoint) as loaded,
        bench.slides.held(ref.path, ref.file) as slide,
    ):
        predictor = bench.models.predictor_of(loaded)
        card, extra = predictor.card, predictor.checkpoint.extra
        spec, limit = card.input, card.calibration.distance_limit
        if limit and {MEAN, PRECISION} <= extra.keys():
            mpp = ref.mpp if ref.mpp is not None else slide.mpp
            plain = slide.info.vendor == "image"
            field = field_on(spec, slide.dimensions, plain, mpp, request.options)
            icc = uses_icc(slide, spec, ref.icc)
            out_px = max(1, min(spec.source_px, round(field.px)))
            for window in tissue_samples(slide, field.px, request.most):
                pixels = read_window(slide, window, out_px, icc)
                features = bench.predict(predictor, [pixels]).features
                far = familiarity(card, extra, features).distance
                distances += [] if far is None else far.tolist()
                yield None
    median = float(np.median(distances)) if distances else None
    yield FitResult(request.job, request.checkpoint, ref.path, median, len(distances))
