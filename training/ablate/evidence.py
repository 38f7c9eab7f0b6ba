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
from training.evaluation.cams import best_stage, cam_scores, pointing_by_stage
from training.evaluation.mosaics import Mosaics, Truths

Scores = dict[str, float] | None


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
        files = [near for near in beside(at.parent) if near.stem == at.name]
        try:
            mask = centre_square(read_rgb(min(files, default=at))).max(axis=2)
        except (UnreadableImage, OSError):
            missing.append(item.path)
            continue
        small = np.ascontiguousarray(mask)
        masks.append(cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST) > 0)
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
            images, truths = mosaics.images, mosaics.truths(order)
            return cam_scores(found.model, found.card.input, images, truths, method, stage)

        return self._located(path, f"mosaics {len(mosaics.images)} {method} {stage}", measure)

    def on_masks(self, path: Path, folder: Path, method: str, stage: int) -> Scores:
        def measure(found: Checkpoint, order: np.ndarray) -> dict[str, float]:
            side = found.card.input.window_px
            masks, truths = read_masks(folder, self.dataset, "test", side), Truths()
            for row, number in enumerate(order[self.dataset.labels("test")]):
                if masks[row].any() and not masks[row].all():  # others have no chance level
                    truths.setdefault(int(number), {})[row] = masks[row]
            images = self.dataset.images("test", side)
            return cam_scores(found.model, found.card.input, images, truths, method, stage)

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
