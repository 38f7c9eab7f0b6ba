"""Mixup blends pictures and targets by the same share."""

from __future__ import annotations

import numpy as np
import torch

from training.augment.mixup import mixup, soft_targets


def test_pictures_and_targets_are_blended_alike() -> None:
    labels = np.array([0, 1, 2, 3])
    targets = soft_targets(labels, 4, 0.0)
    pixels = targets.view(4, 4, 1, 1)[:, :3].expand(4, 3, 2, 2)  # channel k = share of class k
    mixed, soft = mixup(pixels, targets, 1.0, np.random.default_rng(0))
    torch.testing.assert_close(mixed[:, :, 0, 0], soft[:, :3])
    torch.testing.assert_close(soft.sum(1), torch.ones(4))
    assert (soft.max(1).values < 1).any()
    assert (soft.argmax(1).numpy() == labels).all()


def test_zero_alpha_switches_it_off() -> None:
    pixels, targets = torch.randn(3, 3, 4, 4), soft_targets(np.array([0, 1, 1]), 2, 0.0)
    mixed, soft = mixup(pixels, targets, 0.0, np.random.default_rng(0))
    assert mixed is pixels and soft is targets


def test_smoothing_spreads_its_share() -> None:
    soft = soft_targets(np.array([1]), 4, 0.2)
    torch.testing.assert_close(soft, torch.tensor([[0.05, 0.85, 0.05, 0.05]]))
