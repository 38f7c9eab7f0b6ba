"""Whether an answer should be believed: entropy, distance, glass and blur.

The limits for entropy and distance come from the checkpoint's card. Those for glass and blur
were read off training images: over 300 images each of LC25000 and of the blood smears the
smallest sharpness was 0.087 and the largest after a Gaussian blur of 3 px was 0.073; the smallest
tissue share of LC25000 was 0.31.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import Card
from ssmamba.inference.distance import mahalanobis
from ssmamba.reading.doubts import foremost
from ssmamba.reading.preprocess import Images, resize_image
from ssmamba.reading.values import Doubt, Trust
from ssmamba.slides.tissue import tissue_fraction

DEFAULT_ENTROPY_LIMIT = 0.5  # when the card has none
GLASS_LIMIT = 0.1  # less tissue than this, in a stain in which glass can be told
SHARPNESS_LIMIT = 0.075
BLANK_CONTRAST = 4.0  # standard deviation of grey values below which a picture is empty
GLASS_STAINS = ("h&e", "he", "ihc", "pas", "trichrome")  # not smears: they are mostly background

NOT_SURE_BETWEEN = "The model is not sure which class this is."
FOREIGN = "This does not look like the tissue that the model was trained on."
GLASS = "Most of this region is bare glass."
BLANK = "There is nothing to see in this region."
NO_NUMBER = "The model's answer is not a number; its weights may be damaged."
BLURRED = "This region is blurred."


class Judge:
    """Gathers evidence over the windows of one region, then says whether to believe the answer."""

    def __init__(self, card: Card, extra: dict[str, Tensor]) -> None:
        self.card = card
        self._mean, self._precision = extra.get("trust.mean"), extra.get("trust.precision")
        stain = card.input.stain.lower()
        self._knows_glass = any(name in stain for name in GLASS_STAINS)
        self._distances: list[float] = []
        self._tissue: list[float] = []
        self._sharpness: list[float] = []
        self._blank: list[bool] = []
        self._finite = True

    def add(self, pixels: Images, features: np.ndarray, logits: np.ndarray | None = None) -> None:
        """pixels: N × (S, S, 3) uint8 RGB, as read or of the training images' side already;
        features (N, F) and logits (N, K) float32 of the same windows."""
        self._finite &= all(np.isfinite(v).all() for v in (features, logits) if v is not None)
        for read in pixels:
            image = resize_image(read, self.card.input.source_px)  # as sharp as the model sees it
            blank = float(image.mean(axis=2).std()) < BLANK_CONTRAST
            self._blank.append(blank)
            if self._knows_glass:
                self._tissue.append(tissue_fraction(image))
            if not blank:
                self._sharpness.append(sharpness(image))
        self._distances += self._relative_distances(features)

    def verdict(self, probabilities: Sequence[float]) -> Trust:
        """Judge the region's probabilities (K,), in the light of the windows added so far."""
        if not (self._finite and np.isfinite(probabilities).all()):
            return Trust(sure=False, reasons=(NO_NUMBER,), entropy=1.0, doubt="damaged")
        entropy = float(normalised_entropy(np.asarray(probabilities, np.float64)))
        limit = self.card.calibration.entropy_limit
        distance = _median(self._distances)
        tissue = float(np.mean(self._tissue)) if self._tissue else None
        sharp = _median(self._sharpness)
        blank = bool(self._blank) and float(np.mean(self._blank)) > 0.5
        reasons: dict[Doubt, str] = {}
        if blank:
            reasons["blank"] = BLANK
        elif tissue is not None and tissue < GLASS_LIMIT:
            reasons["glass"] = GLASS
        elif sharp is not None and sharp < SHARPNESS_LIMIT:
            reasons["blurred"] = BLURRED
        if distance is not None and distance > 1.0:
            reasons["foreign"] = FOREIGN
        if entropy > (DEFAULT_ENTROPY_LIMIT if limit is None else limit):
            reasons["unsure"] = NOT_SURE_BETWEEN
        return Trust(
            sure=not reasons,
            reasons=tuple(reasons.values()),
            doubt=foremost(reasons),
            entropy=entropy,
            distance=distance,
            sharpness=sharp,
            tissue=tissue,
        )

    def _relative_distances(self, features: np.ndarray) -> list[float]:
        """Mahalanobis distances in units of the card's limit; empty when the card has none."""
        limit = self.card.calibration.distance_limit
        if self._mean is None or self._precision is None or not limit:
            return []
        with torch.inference_mode():
            mean, precision = self._mean.cpu(), self._precision.cpu()
            distances = mahalanobis(torch.from_numpy(features), mean, precision)
        return [float(d) / limit for d in distances]


def normalised_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy over its largest value, (..., K) -> (...): 0 = certain, 1 = no idea."""
    classes = probabilities.shape[-1]
    if classes < 2:
        return np.zeros(probabilities.shape[:-1])
    logs = np.log(np.maximum(probabilities, 1e-12))
    return np.maximum(-(probabilities * logs).sum(-1) / np.log(classes), 0.0)


def sharpness(rgb: np.ndarray) -> float:
    """Variance of grey differences over 1 px against those over 4 px; contrast cancels out.

    A straight ramp gives 1/16 = 0.0625, the least that blur leads to; noise gives 1.
    """
    grey = rgb.astype(np.float32).mean(axis=2)
    if min(grey.shape) < 8:
        return 1.0
    near = np.diff(grey, axis=0).var() + np.diff(grey, axis=1).var()
    far = (grey[4:] - grey[:-4]).var() + (grey[:, 4:] - grey[:, :-4]).var()
    return float(near / far) if far > 0 else 1.0


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None
