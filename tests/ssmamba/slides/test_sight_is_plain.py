"""The quick masks of tissue and ink, and sharpness, are those of the plain reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssmamba.inference.sight import look, sharpness
from ssmamba.slides.ink import ink_mask, ink_share, most_ink, share_of
from ssmamba.slides.tissue import has_tissue, tissue_fraction, tissue_mask
from tests.slides import grainy
from tests.ssmamba.slides import plain_sight

colours = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
BASES = [(180, 90, 150), (243, 243, 243), (30, 30, 30), (30, 160, 140), (200, 60, 80), (60, 50, 52)]


@given(colours, st.booleans())
def test_any_colours(rgb, tell_ink):
    np.testing.assert_array_equal(ink_mask(rgb), plain_sight.ink(rgb))
    np.testing.assert_array_equal(tissue_mask(rgb, tell_ink), plain_sight.tissue(rgb, tell_ink))


@pytest.mark.parametrize("base", BASES)
def test_pictures_around_a_colour(base):
    noise = np.random.default_rng(0).normal(0, 25, (120, 131, 3))
    rgb = np.clip(np.array(base) + noise, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(ink_mask(rgb), plain_sight.ink(rgb))
    np.testing.assert_array_equal(tissue_mask(rgb), plain_sight.tissue(rgb))
    assert sharpness(rgb) == pytest.approx(plain_sight.sharpness(rgb), rel=1e-4)


def test_sharpness_of_a_gradient_with_grain():
    rgb = grainy(100, 90)
    assert sharpness(rgb) == pytest.approx(plain_sight.sharpness(rgb), rel=1e-4)


@given(colours, st.floats(0, 1), st.booleans())
def test_what_is_found_sooner_is_what_is_measured(rgb, least, tell_ink):
    assert has_tissue(rgb, least, tell_ink) == (tissue_fraction(rgb, tell_ink) >= least)
    assert share_of(ink_mask(rgb)) <= most_ink(rgb)
    told, exact = ink_share(rgb, least), ink_share(rgb)
    assert told == exact or max(told, exact) <= least


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("side", [112, 131, 224, 300])
def test_ink_of_large_pictures_is_told_as_exactly_as_it_is_asked_for(base, side):
    """Squares of 1, 2, 4 and 5 px are averaged; a stripe of ink covers from none to all."""
    random = np.random.default_rng(side)
    for share in (0.0, 0.02, 0.05, 0.09, 0.5, 1.0):
        rgb = random.normal((200, 120, 180), 30, (side, side, 3))
        rgb[: round(share * side)] = random.normal(base, 25, (round(share * side), side, 3))
        picture = np.clip(rgb, 0, 255).astype(np.uint8)
        exact = ink_share(picture)
        for least in (0.03, 0.08):
            told = ink_share(picture, least)
            assert told == exact or max(told, exact) <= least
        measured = look(picture, "H&E")
        assert look(picture, "H&E", measured=False).obstacle == measured.obstacle


@pytest.mark.parametrize("contrast", [0.1, 0.4, 0.6, 1.0, 3.0, 30.0])
def test_detail_in_a_part_or_beside_it_counts_alike(contrast):
    """A blurred picture with detail in its middle, or in its corner alone."""
    grain = np.random.default_rng(0).normal(0, contrast, (40, 40, 1))
    seen = set()
    for at in (92, 0):
        picture = np.full((224, 224, 3), (180.0, 90.0, 150.0))
        picture += 20 * np.sin(np.arange(224) / 30)[:, None, None]
        picture[at : at + 40, at : at + 40] += grain
        seen.add(look(np.clip(picture, 0, 255).astype(np.uint8), "H&E").obstacle)
    assert len(seen) == 1
