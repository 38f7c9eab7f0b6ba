"""CAMs of a classifier on pictures where the place of each class is known.

At which stage a network's maps tell where the evidence lies differs from one data set to another:
the last one does for tissue that fills the picture, an earlier one for a cell in its middle, where
the last stage's tokens have mixed with all others. So each classifier is asked on mosaics of its
validation images, which need no annotations.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import CheckpointError
from ssmamba.explain.cam import cam_maps, spanned_cells
from ssmamba.explain.methods import STAGES
from ssmamba.explain.stitch import resize_map
from ssmamba.reading.preprocess import to_tensor
from training.evaluation.mosaics import Mosaics, centre_tiles, make_mosaics
from training.metrics.localisation import SCORES, localisation

BATCH = 16
MOSAICS = 40
METHOD = "GradCAM"
MARGIN = 0.05  # share of maps; an earlier stage must point better by more than chance does


def class_maps(
    model: nn.Module, images: np.ndarray, spec: InputSpec, method: str, number: int, stage: int
) -> np.ndarray:
    """CAMs of one class, (N, S, S) float32 at the size of images (N, S, S, 3) uint8."""
    device = next(model.parameters()).device
    side = images.shape[1]
    parts: list[np.ndarray] = []
    for start in range(0, len(images), BATCH):
        batch = to_tensor(images[start : start + BATCH], spec).to(device)
        maps = cam_maps(model, batch, method, number, stage)
        size = (batch.shape[2], batch.shape[3])
        cells = spanned_cells(model, stage, size, (maps.shape[1], maps.shape[2]))
        parts += [resize_map(values, side, side, cells) for values in maps]
    return np.stack(parts)


def mosaic_scores(
    model: nn.Module,
    spec: InputSpec,
    mosaics: Mosaics,
    order: np.ndarray,
    method: str,
    stage: int,
) -> dict[str, float]:
    """Mean localisation scores over all classes of all mosaics.

    order: number in the model of each of the mosaics' class numbers.
    """
    scores: list[dict[str, float]] = []
    for number in np.unique(mosaics.classes):
        rows = np.flatnonzero((mosaics.classes == number).any(axis=1))
        images = mosaics.images[rows]
        maps = class_maps(model, images, spec, method, int(order[number]), stage)
        scores += [
            localisation(values, mosaics.truth(int(row), int(number)))
            for row, values in zip(rows, maps, strict=True)
        ]
    return mean_scores(scores)


def mean_scores(scores: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([s[name] for s in scores])) for name in SCORES} if scores else {}


def pointing_by_stage(
    model: nn.Module, spec: InputSpec, images: np.ndarray, labels: np.ndarray
) -> dict[int, float]:
    """Share of GradCAMs of each stage that peak in the tiles of their class.

    images: (N, window, window, 3) uint8 with labels (N,), class numbers of the model. Empty for a
    network whose CAM layers are not known.
    """
    model.eval()
    mosaics = make_mosaics(centre_tiles(images), labels, MOSAICS, seed=0)
    order = np.arange(int(labels.max()) + 1)
    try:
        return {
            stage: mosaic_scores(model, spec, mosaics, order, METHOD, stage)["pointing"]
            for stage in STAGES
        }
    except CheckpointError:
        return {}


def pointing_metrics(pointing: dict[int, float]) -> dict[str, dict[str, float]]:
    """What a card's metrics keep of it, under ``cam``."""
    return {"pointing": {str(stage): share for stage, share in pointing.items()}}


def best_stage(pointing: dict[int, float]) -> int:
    """The coarsest stage that points within MARGIN of the best one; the last where none is known.

    The coarser a stage, the closer its features are to the answer.
    """
    best = max(pointing.values(), default=0.0)
    return max((s for s, share in pointing.items() if share >= best - MARGIN), default=STAGES[-1])
