"""A checkpoint's network as others run it, and its answers as ours runs it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import Card
from ssmamba.checkpoints.checkpoint import load
from ssmamba.errors import CheckpointError
from ssmamba.inference.predictor import Predictor
from ssmamba.reading.preprocess import to_tensor

CLOSE = 1e-4  # by which probabilities may differ, and logits relative to the largest
BATCHES = (1, 2, 5)  # a network that was recorded for one size of batch shows in another


class Answers(nn.Module):
    """(B, 3, S, S) float32, normalised -> logits (B, K) whose softmax is what ours says.

    The card's temperature is inside, as other programs know of none.
    """

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x)
        return logits / self.temperature


class Truth:
    """What a checkpoint answers here, with which every exported file is compared."""

    def __init__(self, path: Path | str) -> None:
        predictor = Predictor(path, "cpu")
        self.card = predictor.card
        self.inputs = to_tensor(_images(self.card.input.window_px), self.card.input)
        logits = torch.cat([predictor.predict_tensor(x[None])[0] for x in self.inputs])
        self.logits = logits / self.card.calibration.temperature

    def compare(self, network: nn.Module, what: str) -> float:
        """The largest difference of probabilities. Raises CheckpointError where it is too large.

        what: the file, for the message.
        """
        worst = 0.0
        for count in BATCHES:
            with torch.no_grad():
                found = network(self.inputs[:count])
            wanted = self.logits[:count]
            apart = float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1.0))
            shares = float((found.softmax(1) - wanted.softmax(1)).abs().max())
            if not max(apart, shares) <= CLOSE:  # NaN too
                raise CheckpointError(
                    f"{what} would not answer as the checkpoint does (probabilities differ by "
                    f"{shares:.2g}, logits by {apart:.2g} of the largest), so it was not written; "
                    "export another checkpoint, and report this one."
                )
            worst = max(worst, shares)
        return worst


def plain_network(path: Path | str, card: Card) -> Answers:
    """A checkpoint's network with nothing folded, packed or differentiated."""
    model = load(path).model.requires_grad_(False)
    return Answers(model, card.calibration.temperature).eval()


def _images(side: int) -> np.ndarray:
    """(5, S, S, 3) uint8: noise, blobs of stain, tissue-like grain, glass and black."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (side, side, 3)).astype(np.float32)
    coarse = rng.uniform((120, 40, 140), (235, 140, 235), (6, 6, 3)).astype(np.float32)
    blobs = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    grain = blobs + rng.normal(0, 25, (side, side, 1))
    glass, black = np.full_like(noise, 243), np.zeros_like(noise)
    images = np.clip(np.stack([noise, blobs, grain, glass, black]), 0, 255)
    return images.astype(np.uint8)
