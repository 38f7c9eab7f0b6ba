"""Methods that hide units of the image and recover them: MAMIM and masked autoencoders."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import Card
from ssmamba.checkpoints.checkpoint import CLEAN_BN
from ssmamba.config import STRIDES, MIMConfig
from ssmamba.errors import CheckpointError, DataError
from ssmamba.models import MaskedModel, random_unit_mask
from ssmamba.models.batchnorm import bn_statistics, load_bn_statistics, reestimate_bn
from ssmamba.models.build import PLAIN, build_masked
from ssmamba.reading.preprocess import to_tensor
from training.config import PretrainConfig
from training.evaluation.tables import reconstruction_table
from training.loop.batches import image_batches, on_device
from training.loop.progress import console
from training.methods.base import Method
from training.metrics.reconstruction import (
    Scores,
    average,
    fixed_masks,
    model_fills,
    pixel_mask,
    reconstruction_each,
    score_each,
)

CLEAN_BATCHES = 40  # batches over which the final clean BatchNorm statistics are averaged
ROUGH_BATCHES = 8  # the same for checkpoints during training


class MaskedBatch(NamedTuple):
    """In the order of MaskedModel.forward."""

    images: Tensor  # (B, 3, H, W) normalised, perturbed
    mask: Tensor  # (B, h, w) bool, True = hidden
    target: Tensor  # (B, 3, H, W) normalised, clean


def masking_of(config: PretrainConfig, **own: Any) -> MIMConfig:
    """The masking that the flags ask for, with the fields ``own`` in place of flags."""
    shared = {f.name for f in fields(MIMConfig)} & {f.name for f in fields(PretrainConfig)}
    return MIMConfig(**{**{name: getattr(config, name) for name in shared}, **own})


class MaskedMethod(Method[MaskedBatch]):
    """Pre-training with hidden units, a decoder, and the loss on the hidden pixels."""

    @classmethod
    @abstractmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MIMConfig:
        """The masking and the decoder; stain: basis of the colour changes."""

    @classmethod
    def check(cls, config: PretrainConfig, encoder: nn.Module) -> None:
        if config.mask_unit % STRIDES[0]:
            raise DataError(
                f"--mask-unit {config.mask_unit} must be a multiple of {STRIDES[0]}; choose 16 or "
                "32."
            )
        whole = math.lcm(config.mask_unit, STRIDES[-1])
        if config.image_size % whole:
            below = config.image_size // whole * whole
            near = f"{below} or {below + whole}" if below else f"{whole}"
            other = "" if config.image_size % STRIDES[-1] else ", or a --mask-unit of 16 or 32"
            raise DataError(
                f"--image-size {config.image_size} must be a multiple of {whole}, so that hidden "
                f"squares of {config.mask_unit} px fit the stages; give {near}{other}."
            )
        try:
            with torch.device("meta"):
                build_masked(encoder, cls.masking(config))
        except CheckpointError as error:
            raise DataError(str(error)) from error

    def card(self) -> Card:
        config = self.material.config
        masking = self.masking(config, self.material.dataset.stain_basis(config.stain_basis))
        return self.material.card.with_(mamim=asdict(masking))

    def model(self, encoder: nn.Module) -> nn.Module:
        masking = self.card().mim_config()
        assert masking is not None
        return build_masked(encoder, masking)

    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> MaskedBatch:
        config, recipe, spec = self.material.config, self.material.recipe, self.material.spec
        size, generator = config.image_size, torch.Generator().manual_seed(int(rng.integers(2**62)))
        mask = random_unit_mask(
            len(rows), size, size, config.mask_ratio, config.mask_unit, generator
        )
        clean = recipe.crops(self.material.train, rows, rng)
        target = to_tensor(clean, spec)
        if not self.masking(config).perturb:
            return MaskedBatch(target, mask, target)
        perturbed = recipe.perturb(clean, rng, pixel_mask(mask.numpy(), size))
        return MaskedBatch(to_tensor(perturbed, spec), mask, target)

    def loss(self, model: nn.Module, batch: MaskedBatch, device: torch.device) -> Tensor:
        hidden_units = int(
            batch.mask[0].sum()
        )  # counted here: on a GPU the model would wait for it
        return model(*on_device(batch, device), hidden_units)

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Loss, PSNR and SSIM on hidden pixels of clean validation images under fixed masks."""
        assert isinstance(model, MaskedModel)
        config, images, spec = self.material.config, self.material.val, self.material.spec
        ratio, unit = config.mask_ratio, config.mask_unit
        masks = fixed_masks(len(images), config.image_size, ratio, unit, seed=0)
        parts = masks.split(config.batch_size)
        total = 0.0
        for pixels, mask in zip(
            image_batches(model, images, spec, config.batch_size), parts, strict=True
        ):
            total += model(pixels, mask.to(pixels.device)).item() * len(pixels)
        predictions = model_fills(model, images, masks, spec, config.batch_size)
        scores: Scores = average(score_each(images, masks, {"model": predictions}))
        return {"loss": total / len(images), **scores["model"]}

    def test(self, model: nn.Module) -> dict[str, Any]:
        assert isinstance(model, MaskedModel)
        images = self.material.dataset.images("test", self.material.config.image_size)
        scores = average(reconstruction_each(model, images, self.material.spec))
        console.print(reconstruction_table(scores, f"Test split, {len(images)} images"))
        return {"n": len(images), "mask_seed": 0, **scores}

    def stored(self, model: nn.Module, final: bool) -> tuple[nn.Module, dict[str, Tensor]]:
        assert isinstance(model, MaskedModel)
        count = CLEAN_BATCHES if final else ROUGH_BATCHES
        return model, clean_statistics(model, self.material.clean_batches(count))


class MAMIMMethod(MaskedMethod):
    """Mamba masked image modelling (SSMamba §3.4): perturbed input, clean target, and a decoder
    that recovers the image stage by stage."""

    title = "MAMIM"

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MIMConfig:
        # a normalised target has no colour of its own
        return masking_of(config, from_mean=not config.norm_target, stain=stain)


class MAEMethod(MaskedMethod):
    """Masked autoencoder with a plain decoder behind the last features, without perturbation
    (He et al. 2022; SSMamba Table 7).

    Targets are plain pixels as in MAMIM, so that the two differ in perturbation and decoder alone:
    this one has no DMS blocks and no skips, and does not start from the visible pixels' mean.
    ``--norm-target`` gives the normalised targets of He et al.
    """

    title = "MAE"

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MIMConfig:
        plain = {"decoder_mixer": PLAIN, "skips": False, "perturb": False}
        return masking_of(config, **plain, from_mean=False, stain="none")


def clean_statistics(model: MaskedModel, batches: Iterator[Tensor]) -> dict[str, Tensor]:
    """BatchNorm statistics of the encoder on clean, unmasked images, as extra tensors.

    The model keeps its masked statistics.
    """
    encoder = model.encoder
    masked = bn_statistics(encoder)
    device = next(encoder.parameters()).device
    reestimate_bn(encoder, (batch.to(device) for batch in batches))
    clean = bn_statistics(encoder)
    load_bn_statistics(encoder, masked)
    return {CLEAN_BN + name: value for name, value in clean.items()}
