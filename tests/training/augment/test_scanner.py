"""Blur and noise; above all: nothing hidden shows in a visible pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.training.pictures import picture
from training.augment.recipe import Recipe
from training.augment.scanner import blur_some, noise_some
from training.augment.stain import StainJitter
from training.config import FinetuneConfig

BATCH = np.stack([picture("striped", seed, 64) for seed in range(4)])
HIDDEN = np.kron(np.random.default_rng(1).random((4, 4, 4)) < 0.7, np.ones((16, 16))).astype(bool)


def test_blur_smooths_and_share_decides() -> None:
    blurred = blur_some(BATCH, 1.0, 2.0, np.random.default_rng(0))
    assert np.diff(blurred.astype(float), axis=1).std() < np.diff(BATCH.astype(float), axis=1).std()
    assert (blur_some(BATCH, 0.0, 2.0, np.random.default_rng(0)) == BATCH).all()


def test_noise_has_the_asked_strength_at_most() -> None:
    grey = np.full((50, 32, 32, 3), 128, np.uint8)
    noise = noise_some(grey, 1.0, 8.0, np.random.default_rng(0)).astype(float) - 128
    each = noise.std(axis=(1, 2, 3))
    assert each.max() < 8.5 and each.max() > 5


def test_hidden_pixels_never_leak_into_visible_ones() -> None:
    config = FinetuneConfig(
        data=Path(), out=Path(), blur=1.0, blur_sigma=3.0, noise=1.0, noise_sigma=10.0
    )
    recipe = Recipe(config, StainJitter("he", 0.2, 0.05, 0.2, 0.1))
    other = BATCH.copy()
    other[HIDDEN] = np.random.default_rng(2).integers(0, 255, (int(HIDDEN.sum()), 3))
    first = recipe.perturb(BATCH, np.random.default_rng(0), HIDDEN)
    second = recipe.perturb(other, np.random.default_rng(0), HIDDEN)
    assert (first[~HIDDEN] == second[~HIDDEN]).all()
    assert (first[~HIDDEN] != BATCH[~HIDDEN]).any()
    # The ordinary blur does leak, so the test above can fail.
    leaky = recipe.perturb(BATCH, np.random.default_rng(0))
    leaky_other = recipe.perturb(other, np.random.default_rng(0))
    assert (leaky[~HIDDEN] != leaky_other[~HIDDEN]).any()


def test_visible_blur_keeps_brightness_at_borders() -> None:
    grey = np.full_like(BATCH, 180)
    out = blur_some(grey, 1.0, 3.0, np.random.default_rng(0), HIDDEN)
    assert np.abs(out[~HIDDEN].astype(int) - 180).max() <= 1
