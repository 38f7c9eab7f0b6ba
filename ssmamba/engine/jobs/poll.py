"""The windows of a region asked one by one, and their common answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.jobs.region import Region
from ssmamba.engine.messages import Progress
from ssmamba.inference.judge import Judge
from ssmamba.inference.predictor import Predictor
from ssmamba.reading.preprocess import resize_image


@dataclass(frozen=True)
class Poll:
    """What a model says to a region."""

    windows: np.ndarray  # (N, K) float32, probabilities of each window
    mean: np.ndarray  # (K,) float64, of those that have a vote
    predicted: str  # class key
    judge: Judge  # who has seen all windows


def poll(
    bench: Bench,
    predictor: Predictor,
    region: Region,
    told: Callable[[int], Progress | None] = lambda done: None,
) -> Generator[Progress | None, None, Poll]:
    """Ask a model about a region, a batch a step.

    told: makes a step's reply of the number of windows read so far. The predicted class is
    remembered, so that a CAM of it need not ask again.
    """
    spec, areas = predictor.card.input, region.plan.areas
    judge = Judge(predictor.card, predictor.checkpoint.extra)
    pieces = []
    for first, pixels in region.batches(predictor.batch_size):
        seen = [resize_image(image, spec.window_px) for image in pixels]
        prediction = bench.predict(predictor, seen)
        read = seen if spec.window_px == spec.source_px else pixels
        own = areas[first : first + len(pixels)]
        insides = region.insides(first, len(pixels), spec.source_px)
        judge.add(read, prediction.features, prediction.logits, own, insides)
        pieces.append(prediction.probabilities)
        if region.count > 1:
            yield told(first + len(pixels))
    windows = np.concatenate(pieces)
    mean = judge.mean(windows)
    predicted = predictor.card.classes[int(mean.argmax())].key
    bench.remember(region.key(predictor.checkpoint.sha256), predicted)
    return Poll(windows, mean, predicted, judge)
