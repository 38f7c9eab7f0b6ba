"""The training images of a run and their random changes."""

from __future__ import annotations

import numpy as np

from training.augment.recipe import Recipe
from training.augment.stain import StainJitter
from training.config import RunConfig
from training.data.dataset import Dataset, cache_side


def make_recipe(config: RunConfig, dataset: Dataset) -> Recipe:
    jitter = StainJitter(
        dataset.stain_basis(config.stain_basis),
        config.stain_scale,
        config.stain_shift,
        config.gamma,
        config.brightness,
        config.colour_cast,
    )
    return Recipe(config, jitter)


def training_images(config: RunConfig, dataset: Dataset) -> np.ndarray:
    """(N, S, S, 3) uint8 of the train split, S as large as crops need and memory allows."""
    return dataset.images("train", training_side(config, dataset))


def training_side(config: RunConfig, dataset: Dataset) -> int:
    count = len(dataset.indices("train"))
    return cache_side(dataset.source_px(), config.image_size, count, config.cache_gib)
