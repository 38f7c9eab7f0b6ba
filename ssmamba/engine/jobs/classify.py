"""Class probabilities of a region, by each checkpoint, and whether to believe them."""

from __future__ import annotations

import numpy as np

from ssmamba.engine.jobs.bench import Bench, progress
from ssmamba.engine.messages import Classify, ClassifyResult
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.inference.judge import Judge
from ssmamba.reading.preprocess import resize_image
from ssmamba.reading.values import PackedArray


def answer(request: Classify, bench: Bench, spent: Spent, path: str) -> Steps:
    """The mean over a region's windows by one checkpoint, a batch a step. Raises SSMambaError."""
    start = spent()
    with bench.reading(request, path, spent) as (predictor, region):
        begun, spec = spent(), predictor.card.input
        judge = Judge(predictor.card, predictor.checkpoint.extra)
        pieces = []
        for first, pixels in region.batches(predictor.batch_size):
            seen = [resize_image(image, spec.window_px) for image in pixels]
            prediction = bench.predict(predictor, seen)
            read = seen if spec.window_px == spec.source_px else pixels
            judge.add(read, prediction.features, prediction.logits)
            pieces.append(prediction.probabilities)
            if region.count > 1:
                yield progress(request.job, first + len(pixels), region.count, spent() - begun)
        windows = np.concatenate(pieces)
        mean = windows.mean(axis=0, dtype=np.float64)
        keys = [c.key for c in predictor.card.classes]
        predicted = keys[int(mean.argmax())]
        bench.remember(region.key(predictor.checkpoint.sha256), predicted)
        yield ClassifyResult(
            job=request.job,
            roi_id=request.roi.id,
            checkpoint=path,
            probabilities=dict(zip(keys, mean.tolist(), strict=True)),
            predicted=predicted,
            trust=judge.verdict(mean.tolist()),
            windows=PackedArray.of(region.plan.windows),
            stamp=region.stamp(predictor.checkpoint.sha256, predictor.device),
            seconds=spent() - start,
            notes=region.plan.notes + predictor.notes,
            window_probabilities=PackedArray.of(windows),
        )
