"""What a scanner does to a picture: focus blur and sensor noise."""

from __future__ import annotations

import cv2
import numpy as np


def blur_some(
    images: np.ndarray, share: float, sigma: float, rng: np.random.Generator
) -> np.ndarray:
    """Blur a random ``share`` of (B, H, W, 3) uint8 with sigma up to ``sigma`` pixels."""
    chosen = rng.random(len(images)) < share
    sigmas = rng.uniform(0.3, max(sigma, 0.3), len(images))
    out = images.copy()
    for i in np.flatnonzero(chosen):
        out[i] = cv2.GaussianBlur(images[i], (0, 0), float(sigmas[i]))
    return out


def blur_visible_some(
    images: np.ndarray, hidden: np.ndarray, share: float, sigma: float, rng: np.random.Generator
) -> np.ndarray:
    """Blur as ``blur_some``, but from visible pixels only, so that nothing hidden leaks out.

    hidden: (B, H, W) bool. Each visible pixel becomes the weighted mean of the visible pixels
    around it (normalised convolution); hidden pixels are returned as they came.
    """
    chosen = rng.random(len(images)) < share
    sigmas = rng.uniform(0.3, max(sigma, 0.3), len(images))
    out = images.copy()
    for i in np.flatnonzero(chosen):
        visible = (~hidden[i]).astype(np.float32)
        kept = images[i] * visible[..., None]
        total = cv2.GaussianBlur(kept, (0, 0), float(sigmas[i]))
        weight = cv2.GaussianBlur(visible, (0, 0), float(sigmas[i]))
        blurred = total / np.maximum(weight, 1e-6)[..., None]
        out[i] = np.where(hidden[i][..., None], images[i], blurred.round().clip(0, 255))
    return out


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
