"""CAMs of a grid's models on images with known positions of the classes (SSMamba §4.4.1)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ssmamba.checkpoints.card import file_sha256, read_card
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.errors import CheckpointError, DataError
from training.ablate.answers import Measure, Stored
from training.data.dataset import Dataset
from training.data.images import UnreadableImage, centre_square, read_rgb
from training.evaluation.cams import (
    best_stage,
    class_maps,
    mean_scores,
    mosaic_scores,
    pointing_by_stage,
)
from training.evaluation.mosaics import Mosaics
from training.metrics.localisation import localisation

Scores = dict[str, float] | None


def mask_scores(
    found: Checkpoint,
    images: np.ndarray,
    labels: np.ndarray,
    masks: np.ndarray,
    method: str,
    stage: int,
) -> dict[str, float]:
    """Mean localisation scores of each image's own class against its mask (N, S, S) bool.

    labels: class numbers of the checkpoint. Empty and full masks are left out.
    """
    scores: list[dict[str, float]] = []
    telling = masks.any(axis=(1, 2)) & ~masks.all(axis=(1, 2))
    for number in np.unique(labels[telling]):
        rows = np.flatnonzero(telling & (labels == number))
        spec = found.card.input
        maps = class_maps(found.model, images[rows], spec, method, int(number), stage)
        scores += [localisation(v, masks[row]) for row, v in zip(rows, maps, strict=True)]
    return mean_scores(scores)


def read_masks(folder: Path, dataset: Dataset, split: str, side: int) -> np.ndarray:
    """(N, side, side) bool: pixels that are not black in FOLDER/<path of the image>, any extension.

    Raises DataError that lists images without a mask.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; check --masks.")
    masks, missing = [], []
    beside = lru_cache(_files)
    for item in dataset.items(split):
        at = (folder / item.path).with_suffix("")
        files = sorted(near for near in beside(at.parent) if near.stem == at.name)
        try:
            picture = centre_square(read_rgb(files[0])) if files else None
        except (UnreadableImage, OSError):
            picture = None
        if picture is None:
            missing.append(item.path)
        else:
            small = cv2.resize(np.ascontiguousarray(picture.max(axis=2)), (side, side),
                               interpolation=cv2.INTER_NEAREST)  # fmt: skip
            masks.append(small > 0)
    if missing:
        shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise DataError(
            f"{folder} has no readable mask for {len(missing)} of "
            f"{len(dataset.indices(split))} {split} images ({shown}); add them, or omit "
            "--masks."
        )
    return np.stack(masks)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


class EvidenceScores(Stored):
    """Localisation scores of checkpoints by way of measuring, and the stages of their CAMs.

    The scores are None where no CAM layer is known for the architecture.
    """

    def on_mosaics(self, path: Path, mosaics: Mosaics, method: str, stage: int) -> Scores:
        def measure(found: Checkpoint, order: np.ndarray) -> dict[str, float]:
            return mosaic_scores(found.model, found.card.input, mosaics, order, method, stage)

        return self._located(path, f"mosaics {len(mosaics.images)} {method} {stage}", measure)

    def on_masks(self, path: Path, folder: Path, method: str, stage: int) -> Scores:
        def measure(found: Checkpoint, order: np.ndarray) -> dict[str, float]:
            side = found.card.input.window_px
            images, labels = self.dataset.images("test", side), self.dataset.labels("test")
            masks = read_masks(folder, self.dataset, "test", side)
            return mask_scores(found, images, order[labels], masks, method, stage)

        return self._located(path, f"masks {folder.resolve()} {method} {stage}", measure)

    def _located(self, path: Path, way: str, measure: Measure) -> Scores:
        def scores(found: Checkpoint, order: np.ndarray) -> Scores:
            try:
                return measure(found, order)
            except CheckpointError:
                return None

        return self.once(f"{file_sha256(path)} {way}", path, scores)

    def best_stage(self, path: Path) -> int:
        """The stage whose CAMs point best on validation: the card's, or measured for older cards,
        which have no ``metrics.cam`` and give the last stage.
        """
        card = read_card(path)
        if "cam" in card.metrics:
            return card.cam_stage

        def measure(found: Checkpoint, order: np.ndarray) -> int:
            spec, labels = found.card.input, order[self.dataset.labels("val")]
            images = self.dataset.images("val", spec.window_px)
            return best_stage(pointing_by_stage(found.model, spec, images, labels))

        return int(self.once(f"{file_sha256(path)} stage", path, measure))
