"""Changes by the scanner: focus blur and sensor noise."""

from __future__ import annotations

import cv2
import numpy as np


def blur_some(
    images: np.ndarray,
    share: float,
    sigma: float,
    rng: np.random.Generator,
    hidden: np.ndarray | None = None,
) -> np.ndarray:
    """Blur a random ``share`` of (B, H, W, 3) uint8 with sigma up to ``sigma`` pixels.

    hidden: (B, H, W) bool; with it only visible pixels are blurred, and from visible pixels alone.
    """
    chosen = rng.random(len(images)) < share
    sigmas = rng.uniform(0.3, max(sigma, 0.3), len(images))
    out = images.copy()
    for i in np.flatnonzero(chosen):
        if hidden is None:
            out[i] = cv2.GaussianBlur(images[i], (0, 0), float(sigmas[i]))
        else:
            out[i] = _blur_visible(images[i], hidden[i], float(sigmas[i]))
    return out


def _blur_visible(image: np.ndarray, hidden: np.ndarray, sigma: float) -> np.ndarray:
    """Each visible pixel of (H, W, 3) as the weighted mean of the visible pixels around it
    (normalised convolution), so that nothing hidden leaks out; hidden pixels unchanged."""
    visible = (~hidden).astype(np.float32)
    total = cv2.GaussianBlur(image * visible[..., None], (0, 0), sigma)
    weight = cv2.GaussianBlur(visible, (0, 0), sigma)
    blurred = total / np.maximum(weight, 1e-6)[..., None]
    return np.where(hidden[..., None], image, blurred.round().clip(0, 255))


def noise_some(
    images: np.ndarray, share: float, sigma: float, rng: np.random.Generator
) -> np.ndarray:
    """Add Gaussian noise of up to ``sigma`` (0..255) to a random ``share`` of the images."""
    chosen = rng.random(len(images)) < share
    sigmas = rng.uniform(0, sigma, len(images)).astype(np.float32)
    out = images.copy()
    for i in np.flatnonzero(chosen):
        noise = rng.standard_normal(images[i].shape, np.float32) * sigmas[i]
        out[i] = (images[i] + noise).round().clip(0, 255)
    return out
