"""CAMs of a classifier on images with known positions of the classes.

The stage whose CAMs locate the evidence best differs between data sets: it is the last one for
tissue that fills the image, an earlier one for a cell in its middle, where the last stage's tokens
have mixed with all others. So each classifier's CAMs are scored on mosaics of its validation
images, which need no annotations.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.explain.cam import cam_maps, spanned_cells
from ssmamba.explain.layers import check_cams
from ssmamba.explain.methods import STAGES
from ssmamba.explain.stitch import resize_map
from training.evaluation.mosaics import Truths, centre_tiles, make_mosaics
from training.loop.batches import image_batches
from training.loop.progress import console
from training.metrics.localisation import SCORES, localisation

BATCH = 16
MOSAICS = 40
METHOD = "GradCAM"
MARGIN = 0.05  # share of maps; an earlier stage must point better by more than chance


def class_maps(
    model: nn.Module, images: np.ndarray, spec: InputSpec, method: str, number: int, stage: int
) -> np.ndarray:
    """CAMs of one class, (N, S, S) float32 at the size of images (N, S, S, 3) uint8."""
    side = images.shape[1]
    parts: list[np.ndarray] = []
    for batch in image_batches(model, images, spec, BATCH):
        maps = cam_maps(model, batch, method, number, stage)
        size = (batch.shape[2], batch.shape[3])
        cells = spanned_cells(model, stage, size, (maps.shape[1], maps.shape[2]))
        parts += [resize_map(values, side, side, cells) for values in maps]
    return np.stack(parts)


def cam_scores(
    model: nn.Module, spec: InputSpec, images: np.ndarray, truths: Truths, method: str, stage: int
) -> dict[str, float]:
    """Mean localisation scores of CAMs on images (N, S, S, 3) uint8; {} without any truth."""
    scores = cam_each(model, spec, images, truths, method, stage)
    return {name: float(np.mean([s[name] for s in scores])) for name in SCORES} if scores else {}


def cam_each(
    model: nn.Module, spec: InputSpec, images: np.ndarray, truths: Truths, method: str, stage: int
) -> list[dict[str, float]]:
    """Localisation scores of each class's CAM on each image with it, in the order of ``truths``."""
    scores: list[dict[str, float]] = []
    for number, masks in truths.items():
        maps = class_maps(model, images[list(masks)], spec, method, number, stage)
        scores += [localisation(*pair) for pair in zip(maps, masks.values(), strict=True)]
    return scores


def pointing_by_stage(
    model: nn.Module, spec: InputSpec, images: np.ndarray, labels: np.ndarray
) -> dict[int, float]:
    """Share of GradCAMs of each stage that peak in the tiles of their class.

    images: (N, window, window, 3) uint8 with labels (N,), class numbers of the model. Empty for a
    network that can have no CAM.
    """
    model.eval()
    if check_cams(model, images.shape[1]):
        return {}
    mosaics = make_mosaics(centre_tiles(images), labels, MOSAICS, seed=0)
    truths = mosaics.truths(np.arange(int(labels.max()) + 1))
    return {
        stage: cam_scores(model, spec, mosaics.images, truths, METHOD, stage)["pointing"]
        for stage in STAGES
    }


def tell_without_cams(model: nn.Module, side: int) -> None:
    """Print one sentence where a network can have no CAM for images of ``side`` pixels."""
    if why := check_cams(model, side):
        console.print(why)


def best_stage(pointing: dict[int, float]) -> int:
    """The coarsest stage that points within MARGIN of the best one; the last where none is known.

    The coarser a stage, the closer its features are to the prediction.
    """
    best = max(pointing.values(), default=0.0)
    return max((s for s, share in pointing.items() if share >= best - MARGIN), default=STAGES[-1])
