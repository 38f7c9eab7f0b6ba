"""The random changes of training images, as one config."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.augment.geometry import random_crops
from training.augment.scanner import blur_some, noise_some
from training.augment.stain import StainJitter, jitter_stains
from training.config import RunConfig


@dataclass(frozen=True)
class Recipe:
    """Random changes of the strengths that a run's flags give; 0 switches one off."""

    config: RunConfig
    stain: StainJitter

    def crops(self, images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(N, S, S, 3) uint8 and (B,) rows -> (B, window, window, 3) uint8 random crops."""
        config = self.config
        return random_crops(images, rows, config.image_size, (config.crop_min, 1.0), rng)

    def perturb(
        self, crops: np.ndarray, rng: np.random.Generator, hidden: np.ndarray | None = None
    ) -> np.ndarray:
        """Stain, light, focus and noise of (B, H, W, 3) uint8.

        hidden: (B, H, W) bool; with it no hidden pixel changes a visible one.
        """
        config, out = self.config, jitter_stains(crops, self.stain, rng)
        if config.blur > 0:
            out = blur_some(out, config.blur, config.blur_sigma, rng, hidden)
        return noise_some(out, config.noise, config.noise_sigma, rng) if config.noise > 0 else out
