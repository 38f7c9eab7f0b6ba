"""One fold's training: batches of one slide, its loss, and validation by patient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.reading.preprocess import to_tensor
from training.loop.batches import on_device
from training.slides.bags import Bags, mirrored
from training.slides.folds import Fold
from training.slides.questions import SlideQuestion, by_patient


class SlideBatch(NamedTuple):
    """One slide."""

    regions: Tensor  # (N, w, w, 3) uint8
    row: Tensor  # () int64, of the cohort
    seed: Tensor  # () int64, of the halves that fusion draws


class SlideTraining:
    """Batches, loss and validation of one fold."""

    def __init__(
        self,
        bags: Bags,
        spec: SlideSpec,
        fold: Fold,
        question: SlideQuestion,
        flips: bool,
        device: torch.device,
    ) -> None:
        self.bags, self.spec, self.fold, self.question = bags, spec, fold, question
        self.flips, self.device = flips, device

    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> SlideBatch:
        """A training slide by its row in the fold; the same for the same ``rng``."""
        row = int(self.fold.train[int(rows[0])])
        across, down = (rng.random(2) < 0.5) & self.flips
        images = mirrored(self.bags[row], bool(across), bool(down))
        seed = int(rng.integers(2**31))
        return SlideBatch(torch.from_numpy(images), torch.tensor(row), torch.tensor(seed))

    def loss(self, model: nn.Module, batch: SlideBatch) -> Tensor:
        """Of one slide, a scalar."""
        images, row, seed = batch.regions, int(batch.row), int(batch.seed)
        (pixels,) = on_device([to_tensor(images.numpy(), self.spec)], self.device)
        return self.question.loss(model(pixels, seed), row)

    def validate(self, model: nn.Module) -> dict[str, float]:
        rows, logits = by_patient(self.bags.cohort, *self.answers(model, self.fold.val))
        return self.question.score(logits, rows)

    def answers(self, model: nn.Module, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows and their slides' logits (n, K) float32."""
        images = (self.bags[int(row)].images for row in rows)
        return rows, np.stack([slide_logits(model, i, self.spec, self.device) for i in images])


@torch.no_grad()
def slide_logits(
    model: nn.Module, images: np.ndarray, spec: SlideSpec, device: torch.device
) -> np.ndarray:
    """Logits (K,) float32 of a slide's regions (N, w, w, 3) uint8, by a model in evaluation."""
    return model(to_tensor(images, spec).to(device)).float().cpu().numpy()
