"""CAMs of a region, one set for each checkpoint."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from torch import Tensor

from ssmamba.engine.jobs.bench import Bench, progress
from ssmamba.engine.jobs.poll import poll
from ssmamba.engine.jobs.region import Region
from ssmamba.engine.messages import Explain, ExplainResult, Progress
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.errors import InputError, did_you_mean
from ssmamba.inference.predictor import Predictor
from ssmamba.reading.values import CamMap, Window


def evidence(request: Explain, bench: Bench, spent: Spent, path: str) -> Steps:
    """The CAMs of a region's windows by one checkpoint, a batch a step. Raises SSMambaError."""
    from ssmamba.explain.cam import cam_maps
    from ssmamba.explain.methods import find_method

    start = spent()
    method = find_method(request.method)
    with bench.reading(request, path, spent) as (predictor, region):
        stage = request.stage or predictor.card.cam_stage
        target = request.target or (yield from _predicted(predictor, region, bench))
        keys = [c.key for c in predictor.card.classes]
        if target not in keys:
            raise InputError(
                "{name} has no class '{target}'{hint}; choose one of its classes.",
                name=predictor.checkpoint.path.name,
                target=target,
                hint=did_you_mean(target, keys),
            )
        explained, begun = keys.index(target), spent()

        def cams(batch: Tensor) -> np.ndarray:
            batch = batch.to(predictor.device.name)
            return cam_maps(predictor.model, batch, method.name, explained, stage)

        maps: list[CamMap] = []
        for first, pixels in region.batches(max(1, predictor.batch_size // 2)):
            work = (predictor.checkpoint.sha256, method.name, stage, len(pixels))
            with bench.at_best(work):
                values = np.concatenate(predictor.batched(pixels, cams))
            maps += [
                _cam_map(predictor, Window(*region.plan.windows[at].tolist()), image, stage)
                for at, image in enumerate(values, first)
            ]
            if region.count > 1:
                yield progress(request.job, len(maps), region.count, spent() - begun)
        flat = [np.frombuffer(m.values, np.float32) for m in maps]
        yield ExplainResult(
            job=request.job,
            roi_id=request.roi.id,
            checkpoint=path,
            method=method.name,
            stage=stage,
            target=target,
            maps=tuple(maps),
            low=float(min(v.min() for v in flat)),
            high=float(max(v.max() for v in flat)),
            stamp=region.stamp(predictor.checkpoint.sha256, predictor.device, method.name),
            seconds=spent() - start,
            notes=region.plan.notes + predictor.notes,
        )


def _predicted(
    predictor: Predictor, region: Region, bench: Bench
) -> Generator[Progress | None, None, str]:
    """The class that the model gives a region, remembered from its classification."""
    key = region.key(predictor.checkpoint.sha256)
    if key not in bench.answers:
        yield from poll(bench, predictor, region)
    return bench.answers[key]


def _cam_map(predictor: Predictor, window: Window, values: np.ndarray, stage: int) -> CamMap:
    """The message for one map (h, w) float32."""
    from ssmamba.explain.cam import spanned_cells

    side, shape = predictor.card.input.window_px, (values.shape[0], values.shape[1])
    cells = spanned_cells(predictor.model, stage, (side, side), shape)
    return CamMap(window, shape, values.tobytes(), cells)
