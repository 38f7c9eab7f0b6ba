"""Scores of a masked model's reconstruction of hidden pixels, beside those of simple fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import InputSpec
from ssmamba.explain.masked import fill_hidden, masked_psnr, masked_ssim
from ssmamba.models import MaskedModel, random_unit_mask
from ssmamba.reading.preprocess import to_images
from training.loop.batches import image_batches
from training.metrics.classification import mean_interval
from training.metrics.fills import inpaint, visible_mean

Scores = dict[str, dict[str, float]]  # method -> {"psnr", "ssim"}
FILLS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "visible_mean": visible_mean,
    "inpainting": inpaint,
}


def pixel_mask(unit_mask: np.ndarray, window: int) -> np.ndarray:
    """(B, h, w) bool units -> (B, window, window) bool pixels."""
    factor = window // unit_mask.shape[1]
    return unit_mask.repeat(factor, axis=1).repeat(factor, axis=2)


def fixed_masks(count: int, window: int, ratio: float, unit: int, seed: int) -> Tensor:
    """The masks that scores are measured with: (N, h, w) bool, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return random_unit_mask(count, window, window, ratio, unit, generator)


@torch.no_grad()
def model_fills(
    model: MaskedModel, images: np.ndarray, masks: Tensor, spec: InputSpec, batch: int
) -> np.ndarray:
    """Predictions (N, H, W, 3) uint8 for clean images (N, H, W, 3) uint8 under ``masks``."""
    parts = []
    batches = image_batches(model, images, spec, batch)
    for pixels, mask in zip(batches, masks.split(batch), strict=True):
        mask = mask.to(pixels.device)
        predicted = model.reconstruct(pixels, mask).float()
        if model.config.norm_target:
            predicted = _with_visible_brightness(predicted, pixels, mask)
        parts.append(to_images(predicted, spec))
    return np.concatenate(parts)


def _with_visible_brightness(predicted: Tensor, pixels: Tensor, mask: Tensor) -> Tensor:
    """Targets normalised by unit have no brightness; that of the visible pixels is added."""
    factor = pixels.shape[-1] // mask.shape[-1]
    visible = ~mask.repeat_interleave(factor, 1).repeat_interleave(factor, 2).unsqueeze(1)
    count = visible.sum((1, 2, 3), keepdim=True) * pixels.shape[1]
    mean = (pixels * visible).sum((1, 2, 3), keepdim=True) / count
    spread = ((pixels - mean).square() * visible).sum((1, 2, 3), keepdim=True) / count
    return predicted * spread.sqrt() + mean


def score_each(
    images: np.ndarray, masks: Tensor, candidates: dict[str, np.ndarray | None]
) -> dict[str, dict[str, np.ndarray]]:
    """PSNR (dB) and SSIM on hidden pixels of each image, (N,) arrays by method.

    candidates: method -> predictions (N, H, W, 3) uint8, or None for a fill of FILLS.
    """
    hidden = pixel_mask(masks.numpy(), images.shape[1])
    scores = {}
    for name, predictions in candidates.items():
        psnr, ssim = np.empty(len(images)), np.empty(len(images))
        for i, image in enumerate(images):
            filled = (
                FILLS[name](image, hidden[i])
                if predictions is None
                else fill_hidden(image, predictions[i], hidden[i])
            )
            psnr[i] = masked_psnr(filled, image, hidden[i])
            ssim[i] = masked_ssim(filled, image, hidden[i])
        scores[name] = {"psnr": psnr, "ssim": ssim}
    return scores


def average(each: dict[str, dict[str, np.ndarray]]) -> Scores:
    """PSNR and SSIM of ``score_each``, averaged over the images."""
    return {
        name: {key: float(values.mean()) for key, values in scores.items()}
        for name, scores in each.items()
    }


def reconstruction_each(
    model: MaskedModel, images: np.ndarray, spec: InputSpec, seed: int = 0, batch: int = 32
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of the model and of each fill for each of (N, window, window, 3) uint8 images."""
    ratio, unit = model.config.mask_ratio, model.config.mask_unit
    masks = fixed_masks(len(images), spec.window_px, ratio, unit, seed)
    predictions = model_fills(model, images, masks, spec, batch)
    return score_each(images, masks, {"model": predictions, **dict.fromkeys(FILLS)})


def margins(
    each: dict[str, dict[str, np.ndarray]], groups: np.ndarray, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """The model's mean lead over each fill, with paired intervals bootstrapped by group."""
    found: dict[str, dict[str, Any]] = {}
    for name in each.keys() - {"model"}:
        found[name] = {}
        for key, values in each["model"].items():
            gap = values - each[name][key]
            found[name][key] = float(gap.mean())
            found[name][f"{key}_ci"] = mean_interval(gap, groups, resamples, seed)
    return found
