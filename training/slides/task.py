"""One fold's training: batches of one slide, its loss, and validation by patient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.errors import DataError
from training.loop.batches import Plan, on_device
from training.slides.bags import AnyBags
from training.slides.config import SlideFinetuneConfig, SlidePretrainConfig
from training.slides.folds import Fold
from training.slides.questions import SlideQuestion, by_patient


class SlideBatch(NamedTuple):
    """One slide."""

    slide: Tensor  # regions (N, w, w, 3) uint8, or features (N, D) float32
    row: Tensor  # () int64, of the cohort
    seed: Tensor  # () int64, of what the model draws at random


class SlideTraining:
    """Batches, loss and validation of one fold.

    Args:
        spec: input of the model, with the colours of the fold's training slides.
    """

    def __init__(
        self,
        bags: AnyBags,
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
        row, seed = int(self.fold.train[int(rows[0])]), int(rng.integers(2**31))
        sample = self.bags.sample(row, rng if self.flips else None)
        return SlideBatch(sample, torch.tensor(row), torch.tensor(seed))

    def loss(self, model: nn.Module, batch: SlideBatch) -> Tensor:
        """Of one slide, a scalar."""
        (slide,) = on_device([self.bags.tensor(batch.slide, self.spec)], self.device)
        return self.question.loss(model(slide, int(batch.seed)), int(batch.row))

    def validate(self, model: nn.Module) -> dict[str, float]:
        rows, logits = by_patient(self.bags.cohort, *self.answers(model, self.fold.val))
        return self.question.score(logits, rows)

    def answers(self, model: nn.Module, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows and their slides' logits (n, K) float32."""
        logits = [slide_logits(model, self.bags, int(r), self.spec, self.device) for r in rows]
        return rows, np.stack(logits)


def slide_plan(
    config: SlideFinetuneConfig | SlidePretrainConfig, fabric: Fabric, slides: int
) -> Plan:
    """One slide a pass. Raises DataError where the processes cannot share a step evenly."""
    world = fabric.world_size
    step = min(config.batch_size, slides)
    if step % world:
        raise DataError(
            f"A step of {step} slides cannot be shared evenly by {world} processes; give a "
            f"--batch-size that is a multiple of {world}, and no more than {slides}."
        )
    return Plan(
        slides, step, config.epochs, config.seed, fabric.global_rank, world, step // world, False
    )


@torch.no_grad()
def slide_logits(
    model: nn.Module, bags: AnyBags, row: int, spec: SlideSpec, device: torch.device
) -> np.ndarray:
    """Logits (K,) float32 of one of the cohort's slides, by a model in evaluation."""
    slide = bags.tensor(bags.sample(row, None), spec).to(device)
    return model(slide).float().cpu().numpy()
