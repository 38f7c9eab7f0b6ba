"""PSNR and SSIM on hidden pixels only.

A candidate is laid into the visible picture and only hidden pixels are scored, so visible pixels
earn nothing and no statistic of the hidden ones is used.
"""

from __future__ import annotations

import cv2
import numpy as np

PEAK = 255.0
SIGMA, SIDE = 1.5, 11  # SSIM's Gaussian window (Wang et al. 2004)
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def masked_psnr(image: np.ndarray, original: np.ndarray, hidden: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB over the hidden pixels.

    image, original: (H, W, 3) uint8; hidden: (H, W) bool.
    """
    error = image[hidden].astype(np.float64) - original[hidden]
    return float(10 * np.log10(PEAK**2 / max(float(np.mean(error**2)), 1e-10)))


def masked_ssim(image: np.ndarray, original: np.ndarray, hidden: np.ndarray) -> float:
    """Structural similarity (-1..1): its map averaged over the hidden pixels and channels."""
    a, b = image.astype(np.float32), original.astype(np.float32)
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a = _smooth(a * a) - mean_a**2
    var_b = _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + C1) * (2 * both + C2)
    bottom = (mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2)
    return float((top / bottom)[hidden].mean())


def fill_hidden(original: np.ndarray, candidate: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The original with its hidden pixels taken from ``candidate``, (H, W, 3) uint8."""
    return np.where(hidden[..., None], candidate, original)


def _smooth(values: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(values, (SIDE, SIDE), SIGMA)
