"""MAMIM with an image-level latent term beside the pixels (``mamim+``, not in the paper)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import Card
from ssmamba.config import MIMConfig
from ssmamba.models import MAMIM
from ssmamba.reading.preprocess import to_tensor
from training.config import PretrainConfig
from training.loop.batches import image_batches, on_device
from training.methods.base import Material, Method
from training.methods.latent import MAMIMPlus, Terms
from training.methods.masked import MAMIMMethod, masking_of
from training.metrics.reconstruction import fixed_masks


class LatentBatch(NamedTuple):
    """In the order of MAMIMPlus.forward."""

    images: Tensor  # (B, 3, H, W) normalised, perturbed
    mask: Tensor  # (B, h, w) bool, True = hidden
    target: Tensor  # (B, 3, H, W) normalised, clean
    view: Tensor  # (B, 3, H, W) normalised, clean: what the teacher sees


class WithoutSkips(MAMIMMethod):
    """MAMIM whose decoder gets the last stage alone, which then has to know what it rebuilds."""

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MIMConfig:
        return masking_of(config, from_mean=not config.norm_target, stain=stain, skips=False)


class MAMIMPlusMethod(Method[LatentBatch]):
    """MAMIM and a latent term; the checkpoint holds the MAMIM alone."""

    title = "MAMIM+"

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.pixels = WithoutSkips(material)

    @classmethod
    def check(cls, config: PretrainConfig, encoder: nn.Module) -> None:
        WithoutSkips.check(config, encoder)

    def card(self) -> Card:
        return self.pixels.card()

    def settings(self) -> dict[str, Any]:
        config = self.material.config
        return {
            "latent_weight": config.latent_weight,
            "teacher_momentum": config.teacher_momentum,
            "teacher_crop": config.teacher_crop,
        }

    def model(self, encoder: nn.Module) -> nn.Module:
        config, masked = self.material.config, self.pixels.model(encoder)
        assert isinstance(masked, MAMIM)
        return MAMIMPlus(masked, config.teacher_momentum, config.latent_weight, config.accumulate)

    def encoder(self, model: nn.Module) -> nn.Module:
        return _own(model).masked.encoder

    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> LatentBatch:
        images, mask, target = self.pixels.make_batch(rows, rng)
        if self.material.config.teacher_crop == "same":
            return LatentBatch(images, mask, target, target)
        crops = self.material.recipe.crops(self.material.train, rows, rng)
        return LatentBatch(images, mask, target, to_tensor(crops, self.material.spec))

    def loss(self, model: nn.Module, batch: LatentBatch, device: torch.device) -> Tensor:
        return model(*on_device(batch, device))

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """MAMIM's metrics and the parts of the latent term, of clean images under fixed masks whose
        teacher sees them whole; the loss weighs them as in training."""
        plus, config, images = _own(model), self.material.config, self.material.val
        size, ratio, unit = config.image_size, config.mask_ratio, config.mask_unit
        masks = fixed_masks(len(images), size, ratio, unit, seed=0).split(config.batch_size)
        batches = image_batches(model, images, self.material.spec, config.batch_size)
        parts: list[Terms] = []
        for pixels, mask in zip(batches, masks, strict=True):
            terms = plus.terms(pixels, mask.to(pixels.device), pixels, pixels)[1]
            parts.append(Terms(*(len(pixels) / len(images) * term for term in terms)))
        latent = Terms(*(torch.stack(each).sum() for each in zip(*parts, strict=True)))
        found = self.pixels.validate(plus.masked)
        named = {name: term.item() for name, term in latent._asdict().items()}
        loss = found["loss"] + plus.weight * latent.total.item()
        return {**found, "loss": loss, "pixels": found["loss"], **named}

    def test(self, model: nn.Module) -> dict[str, Any]:
        return self.pixels.test(_own(model).masked)

    def stored(self, model: nn.Module, final: bool) -> tuple[nn.Module, dict[str, Tensor]]:
        return self.pixels.stored(_own(model).masked, final)


def _own(model: nn.Module) -> MAMIMPlus:
    assert isinstance(model, MAMIMPlus)
    return model
