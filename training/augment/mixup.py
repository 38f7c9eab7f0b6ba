"""Mixup (Zhang et al. 2018) with soft targets."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def soft_targets(labels: np.ndarray, classes: int, smoothing: float) -> Tensor:
    """(B,) class numbers -> (B, K) float32 targets with a share ``smoothing`` over all classes."""
    eye = np.eye(classes, dtype=np.float32) * (1 - smoothing) + smoothing / classes
    return torch.from_numpy(eye[labels])


def mixup(
    images: Tensor, targets: Tensor, alpha: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each image (B, 3, H, W) and its target (B, K) with another one of the batch.

    The share is drawn from Beta(alpha, alpha) for each image; the larger part is the image
    itself, so the batch keeps its order. No image is blended with itself.
    """
    if alpha <= 0 or len(images) < 2:
        return images, targets
    share = rng.beta(alpha, alpha, len(images)).astype(np.float32)
    weight = torch.from_numpy(np.maximum(share, 1 - share)).to(images.device)
    circle = rng.permutation(len(images))
    partner = torch.empty(len(images), dtype=torch.int64, device=images.device)
    partner[circle] = torch.from_numpy(np.roll(circle, 1)).to(images.device)
    blend = weight.view(-1, 1, 1, 1)
    mixed = images * blend + images[partner] * (1 - blend)
    return mixed, targets * weight[:, None] + targets[partner] * (1 - weight[:, None])
