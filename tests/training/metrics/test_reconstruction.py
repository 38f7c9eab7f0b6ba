"""Hidden pixels alone are scored, and the fills know nothing of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.pictures import picture
from training.metrics.fills import inpaint, visible_mean
from training.metrics.reconstruction import FILLS, average, fixed_masks, pixel_mask, score_each

IMAGES = np.stack([picture("round", seed, 64) for seed in range(4)])
MASKS = fixed_masks(4, 64, 0.75, 16, seed=0)


def test_masks_are_the_same_for_a_seed_and_hide_three_quarters() -> None:
    assert MASKS.shape == (4, 4, 4)
    assert (MASKS.flatten(1).sum(1) == 12).all()
    assert torch.equal(MASKS, fixed_masks(4, 64, 0.75, 16, seed=0))
    assert pixel_mask(MASKS.numpy(), 64).mean() == 0.75


@pytest.mark.parametrize("fill", [visible_mean, inpaint])
def test_fills_do_not_see_hidden_pixels(fill) -> None:  # type: ignore[no-untyped-def]
    hidden = pixel_mask(MASKS.numpy(), 64)[0]
    other = IMAGES[0].copy()
    other[hidden] = 0
    filled, filled_other = fill(IMAGES[0], hidden), fill(other, hidden)
    assert (filled[hidden] == filled_other[hidden]).all()
    assert (filled[~hidden] == IMAGES[0][~hidden]).all()


def test_the_truth_is_best_and_visible_pixels_earn_nothing() -> None:
    hidden = pixel_mask(MASKS.numpy(), 64)
    spoilt = IMAGES.copy()
    spoilt[~hidden] = 0  # wrong only where the picture is visible
    candidates = {"truth": IMAGES, "spoilt": spoilt, **dict.fromkeys(FILLS)}
    scores = average(score_each(IMAGES, MASKS, candidates))
    assert scores["truth"] == scores["spoilt"]
    assert scores["truth"]["ssim"] == pytest.approx(1.0)
    for name in FILLS:
        assert scores[name]["psnr"] < 40 and scores[name]["ssim"] < 0.9
