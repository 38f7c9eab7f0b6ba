"""Contrastive pre-training with semantically relevant positives (CTransPath, Wang et al. 2022).

Two views of an image must agree, against other images and a bank of earlier keys; beside its own
view, a query is drawn to the keys in the bank that look most alike, which in tissue are the same
structure elsewhere. Simplified against the original so that it trains on one machine:

- any backbone of this project replaces the CNN–Swin hybrid;
- the bank holds about one pass over the images instead of a share of 15 million;
- one view is the query and the other the key, not both ways, so a step costs two forward passes
  and one backward pass;
- the views are crops with our stain, scanner and flip changes;
- projector and predictor have two narrow layers without BatchNorm, and the key encoder's BatchNorm
  follows the query's instead of reading its own batch;
- each positive has a term of its own against the negatives, all of the same weight;
- look-alikes are mined once the bank is full, and an image's own earlier keys are left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.errors import DataError
from ssmamba.reading.preprocess import to_tensor
from training.config import PretrainConfig
from training.loop.batches import image_batches, on_device
from training.loop.progress import console
from training.methods.base import Material, Method
from training.methods.momentum import MomentumContrast, info_nce

TEST_IMAGES = 1024  # at most, among which each view is matched to its image


class Views(NamedTuple):
    """In the order of MomentumContrast.forward."""

    query: Tensor  # (B, 3, H, W) normalised
    key: Tensor  # (B, 3, H, W) normalised, another view
    rows: Tensor  # (B,) int64, which training image


class Contrastive(Method[Views]):
    """Momentum contrast; the checkpoint holds the query's backbone alone."""

    title = "contrastive"

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self._val = self._fixed_views(material.val)

    @classmethod
    def check(cls, config: PretrainConfig, encoder: nn.Module) -> None:
        if config.positives >= config.bank:
            raise DataError(
                f"--positives {config.positives} must be fewer than --bank {config.bank}; try 5 of "
                "4096."
            )
        if not hasattr(encoder, "num_features"):
            raise DataError(
                f"The feature width of {type(encoder).__name__} is unknown; choose another --arch."
            )

    def settings(self) -> dict[str, Any]:
        config = self.material.config
        return {
            "temperature": config.temperature,
            "key_momentum": config.key_momentum,
            "bank": self._bank_size(),
            "positives": config.positives,
        }

    def model(self, encoder: nn.Module) -> nn.Module:
        config = self.material.config
        return MomentumContrast(
            encoder,
            int(encoder.num_features),  # type: ignore[arg-type]
            self._bank_size(),
            config.positives,
            config.temperature,
            config.key_momentum,
            config.accumulate,
        )

    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> Views:
        views = (self._view(self.material.train, rows, rng) for _ in range(2))
        query, key = (to_tensor(view, self.material.spec) for view in views)
        return Views(query, key, torch.from_numpy(rows.astype(np.int64)))

    def loss(self, model: nn.Module, batch: Views, device: torch.device) -> Tensor:
        return model(*on_device(batch, device))

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Contrastive loss over the validation images, and the share of views matched to theirs."""
        return self._agreement(model, *self._val)

    def test(self, model: nn.Module) -> dict[str, Any]:
        side = self.material.config.image_size
        images = self.material.dataset.images("test", side)[:TEST_IMAGES]
        found = self._agreement(model, *self._fixed_views(images))
        console.print(
            f"Test split, {len(images)} images: {found['matched']:.1%} of the views match their "
            f"image (chance {1 / len(images):.1%})"
        )
        return {"n": len(images), **found}

    def stored(self, model: nn.Module, final: bool) -> tuple[nn.Module, dict[str, Tensor]]:
        assert isinstance(model, MomentumContrast)
        return model.encoder, {}

    def _bank_size(self) -> int:
        """Keys in the bank: at most one pass over the images, as older keys teach nothing."""
        return max(min(self.material.config.bank, len(self.material.train)), 1)

    def _view(self, images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(B, window, window, 3) uint8."""
        recipe = self.material.recipe
        return recipe.perturb(recipe.crops(images, rows, rng), rng)

    def _fixed_views(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Two views of each image, (M, window, window, 3) uint8, the same in every run."""
        rng, rows = np.random.default_rng(0), np.arange(len(images))
        return self._view(images, rows, rng), self._view(images, rows, rng)

    @torch.no_grad()
    def _agreement(
        self, model: nn.Module, first: np.ndarray, second: np.ndarray
    ) -> dict[str, float]:
        assert isinstance(model, MomentumContrast)
        spec, size = self.material.spec, self.material.config.batch_size
        queries = torch.cat([model.queries(b) for b in image_batches(model, first, spec, size)])
        keys = torch.cat([model.keys(b) for b in image_batches(model, second, spec, size)])
        similarity = queries @ keys.T
        own = torch.eye(len(keys), dtype=torch.bool, device=keys.device)
        loss = info_nce(similarity / model.temperature, own, ~own)
        matched = (
            (similarity.argmax(1) == torch.arange(len(keys), device=keys.device)).float().mean()
        )
        return {"loss": loss.item(), "matched": matched.item()}
