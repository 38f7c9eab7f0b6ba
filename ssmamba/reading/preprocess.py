"""The only path from uint8 pixels to a network input (training, evaluation, engine, commands)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import InputSpec

Images = np.ndarray | Sequence[np.ndarray]


def resize_image(image: np.ndarray, side: int) -> np.ndarray:
    """Resize a square HWC uint8 RGB image to ``side`` x ``side`` pixels.

    Shrinking averages areas, so nothing aliases; enlarging is bicubic.
    """
    height, width = image.shape[:2]
    if (height, width) == (side, side):
        return image
    how = cv2.INTER_AREA if side < max(height, width) else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(image), (side, side), interpolation=how)


def to_tensor(images: Images, spec: InputSpec) -> Tensor:
    """Turn HWC, NHWC or a list of HWC uint8 RGB into (N, 3, window, window) float32, normalised."""
    if isinstance(images, np.ndarray) and images.ndim == 3:
        images = [images]
    batch = np.stack([resize_image(image, spec.window_px) for image in images])
    return normalise(torch.from_numpy(batch), spec)


def normalise(batch: Tensor, spec: InputSpec) -> Tensor:
    """Normalise (N, H, W, 3) uint8 into (N, 3, H, W) float32 in channels-last memory."""
    mean = torch.tensor(spec.mean, device=batch.device) * 255.0
    scale = 1.0 / (torch.tensor(spec.std, device=batch.device) * 255.0)
    return batch.float().sub_(mean).mul_(scale).permute(0, 3, 1, 2)


def to_images(batch: Tensor, spec: InputSpec) -> np.ndarray:
    """Turn normalised (N, 3, H, W) back into (N, H, W, 3) uint8 RGB, clipped and rounded."""
    mean = torch.tensor(spec.mean, device=batch.device)
    std = torch.tensor(spec.std, device=batch.device)
    pixels = batch.detach().permute(0, 2, 3, 1).float() * std + mean
    return (pixels * 255.0).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
