"""Interface of a pre-training method: model, batches, loss, scores, checkpoint contents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import Card, InputSpec
from ssmamba.reading.preprocess import to_tensor
from training.augment.recipe import Recipe
from training.config import PretrainConfig
from training.data.dataset import Dataset
from training.loop.task import Score

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Material:
    """Data, images and card of a run."""

    config: PretrainConfig
    dataset: Dataset
    recipe: Recipe
    card: Card  # of the data and the backbone; the method adds its own entries
    train: np.ndarray  # (N, S, S, 3) uint8, larger than the window
    val: np.ndarray  # (M, window, window, 3) uint8

    @property
    def spec(self) -> InputSpec:
        return self.card.input

    def clean_batches(self, count: int) -> Iterator[Tensor]:
        """Unmasked, unperturbed crops of training images, (B, 3, H, W) normalised."""
        size = min(self.config.batch_size, len(self.train))
        rng = np.random.default_rng(self.config.seed)
        for _ in range(min(count, max(len(self.train) // self.config.batch_size, 1))):
            rows = rng.integers(0, len(self.train), size)
            yield to_tensor(self.recipe.crops(self.train, rows, rng), self.spec)


class Method(ABC, Generic[Batch]):
    """A pre-training method; ``title`` is its displayed name."""

    title: ClassVar[str]

    def __init__(self, material: Material) -> None:
        self.material = material

    @classmethod
    @abstractmethod
    def check(cls, config: PretrainConfig, encoder: nn.Module) -> None:
        """Raise DataError where flags or backbone do not suit; called before a folder is made.

        encoder: on the meta device.
        """

    def card(self) -> Card:
        """The material's card with this method's entries."""
        return self.material.card

    def settings(self) -> dict[str, Any]:
        """Entries of the card's budget besides the common ones."""
        return {}

    @abstractmethod
    def model(self, encoder: nn.Module) -> nn.Module:
        """The module to train, around an encoder without a head."""

    def encoder(self, model: nn.Module) -> nn.Module:
        """The backbone within the model, whose features are what pre-training is for."""
        found = model.encoder
        assert isinstance(found, nn.Module)
        return found

    @abstractmethod
    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> Batch:
        """A batch of training images by their rows; the same for the same ``rng``."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch, device: torch.device) -> Tensor:
        """The loss of a batch, a scalar."""

    @abstractmethod
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Metrics on validation images, the same for the same weights; "loss" among them."""

    @abstractmethod
    def test(self, model: nn.Module) -> dict[str, Any]:
        """Metrics of the best weights on the test split, printed and for the card."""

    @abstractmethod
    def stored(self, model: nn.Module, final: bool) -> tuple[nn.Module, dict[str, Tensor]]:
        """The part that a checkpoint holds, and extra tensors beside it."""

    def score(self, metrics: dict[str, float]) -> Score:
        return (-metrics["loss"],)
