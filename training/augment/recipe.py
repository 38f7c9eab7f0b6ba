"""The random changes of training images, as one config."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.augment.geometry import random_crops
from training.augment.scanner import blur_some, noise_some
from training.augment.stain import StainJitter, jitter_stains


@dataclass(frozen=True)
class Recipe:
    """Strengths of the random changes; 0 switches one off."""

    window: int  # side of the result, pixels
    crop_scale: tuple[float, float]  # share of the image's area that a crop covers
    stain: StainJitter
    blur: float  # share of the images that are blurred
    blur_sigma: float  # strongest blur, pixels
    noise: float  # share of the images that get noise
    noise_sigma: float  # strongest noise, 0..255

    def crops(self, images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(N, S, S, 3) uint8 and (B,) rows -> (B, window, window, 3) uint8 random crops."""
        return random_crops(images, rows, self.window, self.crop_scale, rng)

    def perturb(
        self, crops: np.ndarray, rng: np.random.Generator, hidden: np.ndarray | None = None
    ) -> np.ndarray:
        """Stain, light, focus and noise of (B, H, W, 3) uint8.

        hidden: (B, H, W) bool; with it no hidden pixel changes a visible one.
        """
        out = jitter_stains(crops, self.stain, rng)
        if self.blur > 0:
            out = blur_some(out, self.blur, self.blur_sigma, rng, hidden)
        return noise_some(out, self.noise, self.noise_sigma, rng) if self.noise > 0 else out
