"""Crops come from the right image, at the right size; turns lose no pixel."""

from __future__ import annotations

import numpy as np

from training.augment.geometry import random_crops, turn_image


def test_crops_come_from_the_asked_images() -> None:
    flat = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 40, 40, 3), np.uint8)
    rows = np.array([5, 0, 3, 3])
    crops = random_crops(flat, rows, 32, (0.3, 1.0), np.random.default_rng(0))
    assert crops.shape == (4, 32, 32, 3) and crops.dtype == np.uint8
    assert (crops[:, 0, 0, 0] == rows).all()


def test_crops_cover_the_asked_share() -> None:
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8), (1, 200, 200))
    images = np.stack([ramp, ramp.transpose(0, 2, 1), ramp], axis=-1)
    crops = random_crops(images, np.zeros(300, int), 64, (0.5, 0.5), np.random.default_rng(0))
    spans = [np.ptp(crop[..., c].astype(float)) / 199 for crop in crops for c in (0,)]
    others = [np.ptp(crop[..., 1].astype(float)) / 199 for crop in crops]
    area = np.array(spans) * np.array(others)
    assert 0.45 < area.mean() < 0.55


def test_the_eight_positions_are_different_and_lossless() -> None:
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    positions = [turn_image(image, k) for k in range(8)]
    assert len({p.tobytes() for p in positions}) == 8
    assert all((np.sort(p, axis=None) == np.sort(image, axis=None)).all() for p in positions)
    assert (positions[0] == image).all()
