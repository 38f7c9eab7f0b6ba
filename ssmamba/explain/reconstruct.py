"""A MAMIM model's reconstruction of the hidden parts of one window (SSMamba §3.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import InputSpec
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.config import STRIDES
from ssmamba.errors import CheckpointError, InputError
from ssmamba.explain.masked import fill_hidden, masked_psnr, masked_ssim
from ssmamba.models import MaskedModel, random_unit_mask
from ssmamba.models.masked import units
from ssmamba.reading.preprocess import resize_image, to_images, to_tensor
from ssmamba.wording import words

HIDDEN_GREY = 128  # shown where the model saw nothing
KNOWS_BRIGHTNESS = words(
    "shown with the hidden units' own brightness, which the model did not predict"
)


@dataclass(frozen=True)
class Reconstruction:
    """Three pictures of one window, (S, S, 3) uint8 RGB, and how well hidden pixels came back."""

    masked: np.ndarray
    reconstruction: np.ndarray  # hidden units predicted, visible pixels as they are
    original: np.ndarray
    hidden: np.ndarray  # (S, S) bool
    psnr: float  # dB, hidden pixels only
    ssim: float  # hidden pixels only
    notes: tuple[str, ...] = ()


def mamim_of(checkpoint: Checkpoint) -> MaskedModel:
    """The masked model of a checkpoint. Raises CheckpointError where there is no decoder."""
    if not isinstance(checkpoint.model, MaskedModel):
        raise CheckpointError(
            "{name} has no decoder, so it cannot reconstruct; choose a "
            "checkpoint made by training.pretrain.",
            name=checkpoint.path.name,
        )
    return checkpoint.model


def reconstruct(
    model: MaskedModel,
    image: np.ndarray,
    spec: InputSpec,
    ratio: float | None = None,
    seed: int = 0,
) -> Reconstruction:
    """Hide ``ratio`` of the units of a square HWC uint8 RGB window and let the model fill them.

    The same seed hides the same units. ratio None = as in training. Raises InputError unless
    0 < ratio < 1.
    """
    ratio = model.config.mask_ratio if ratio is None else ratio
    if not 0.0 < ratio < 1.0:
        raise InputError(
            "A mask ratio of {ratio:g} hides all or nothing; choose between 0 and 1.", ratio=ratio
        )
    side = _side(spec.window_px, model.config.mask_unit)
    original = resize_image(image, side)
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    mask = random_unit_mask(1, side, side, ratio, model.config.mask_unit, generator)
    sized = InputSpec(window_px=side, source_px=spec.source_px, mean=spec.mean, std=spec.std)
    batch = to_tensor(original, sized).to(device)
    with torch.inference_mode():
        predicted = model.reconstruct(batch, mask.to(device)).float()
        if model.config.norm_target:
            predicted = _with_own_brightness(predicted, batch, mask)
    hidden = mask[0].numpy().repeat(model.config.mask_unit, 0).repeat(model.config.mask_unit, 1)
    filled = fill_hidden(original, to_images(predicted, sized)[0], hidden)
    grey = np.full_like(original, HIDDEN_GREY)
    return Reconstruction(
        masked=fill_hidden(original, grey, hidden),
        reconstruction=filled,
        original=original,
        hidden=hidden,
        psnr=masked_psnr(filled, original, hidden),
        ssim=masked_ssim(filled, original, hidden),
        notes=(KNOWS_BRIGHTNESS,) if model.config.norm_target else (),
    )


def _side(window_px: int, unit: int) -> int:
    """The largest size up to the model's window that whole units and strides fill."""
    step = math.lcm(unit, STRIDES[-1])
    return max(step, window_px // step * step)


def _with_own_brightness(predicted: Tensor, images: Tensor, mask: Tensor) -> Tensor:
    """Undo the per-unit normalisation of the target, which needs what was hidden."""
    rows, columns = mask.shape[1:]
    flat, truth = units(predicted, (rows, columns)), units(images, (rows, columns))
    mean, var = truth.mean(-1, keepdim=True), truth.var(-1, keepdim=True)
    pixels = flat * (var + 1e-6).sqrt() + mean
    height, width = images.shape[2] // rows, images.shape[3] // columns
    split = pixels.unflatten(-1, (images.shape[1], height, width))
    return split.permute(0, 3, 1, 4, 2, 5).reshape(images.shape)
