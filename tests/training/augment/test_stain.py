"""Stain jitter moves colours along the stains, within its strength, the same for one seed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.pictures import picture
from training.augment.stain import StainJitter, apply_affine, draw_affine, jitter_stains
from training.augment.stain import stain_matrix as matrix_of

BATCH = np.stack([picture("round", seed) for seed in range(3)])
IDENTITY = np.eye(3, dtype=np.float32)[None].repeat(3, 0)
NOTHING = np.zeros((3, 3), np.float32)


def test_no_strength_changes_nothing() -> None:
    still = StainJitter("he", scale=0.0)
    out = jitter_stains(BATCH, still, np.random.default_rng(0))
    assert np.abs(out.astype(int) - BATCH).max() <= 1


def test_white_glass_stays_white_under_scaling() -> None:
    white = np.full((4, 8, 8, 3), 255, np.uint8)
    assert (jitter_stains(white, StainJitter("he", 0.5), np.random.default_rng(0)) == 255).all()


@pytest.mark.parametrize("basis", ["he", "giemsa", "none"])
def test_scaling_changes_concentrations_by_at_most_its_share(basis: str) -> None:
    rng = np.random.default_rng(0)
    matrix, offset = draw_affine(200, StainJitter(basis, 0.15), rng)
    stains = matrix_of(basis)
    moved = np.einsum("si,bij,jk->bsk", stains, matrix, np.linalg.inv(stains))
    factors = np.diagonal(moved, axis1=1, axis2=2)
    off = moved - np.einsum("bs,st->bst", factors, np.eye(3))
    assert np.abs(off).max() < 1e-4  # a stain stays itself
    assert 0.85 <= factors.min() < 0.87 and 1.13 < factors.max() <= 1.15
    assert not offset.any()


def test_gamma_is_a_power() -> None:
    out = apply_affine(BATCH, IDENTITY * 1.3, NOTHING)
    assert np.abs(out - 255 * (BATCH / 255.0) ** 1.3).max() <= 0.51


def test_images_get_draws_of_their_own_and_a_seed_repeats_them() -> None:
    same = np.stack([BATCH[0]] * 2)
    first = jitter_stains(same, StainJitter("he", 0.2), np.random.default_rng(3))
    again = jitter_stains(same, StainJitter("he", 0.2), np.random.default_rng(3))
    assert (first == again).all()
    assert (first[0] != first[1]).any()


def test_a_cast_is_a_gain_of_each_channel_within_its_strength() -> None:
    jitter = StainJitter("he", 0.0, cast=0.1)
    matrix, offset = draw_affine(300, jitter, np.random.default_rng(0))
    assert np.allclose(matrix, np.eye(3), atol=1e-5)
    assert 0.09 < np.abs(offset).max() <= 0.1
    assert np.abs(np.corrcoef(offset.T)[0, 1]) < 0.2  # channels move by themselves
    out = apply_affine(BATCH, IDENTITY, np.array([[-np.log(0.9), 0, 0]] * 3, np.float32))
    assert np.abs(out[..., 0] - 0.9 * BATCH[..., 0]).max() <= 0.51
    assert np.abs(out[..., 1:].astype(int) - BATCH[..., 1:]).max() <= 1
