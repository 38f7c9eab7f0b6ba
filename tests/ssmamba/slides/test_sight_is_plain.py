"""The quick masks of tissue and ink, and sharpness, are those of the plain reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssmamba.inference.sight import sharpness
from ssmamba.slides.ink import ink_mask
from ssmamba.slides.tissue import tissue_mask
from tests.slides import grainy
from tests.ssmamba.slides import plain_sight

colours = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


@given(colours, st.booleans())
def test_any_colours(rgb, tell_ink):
    np.testing.assert_array_equal(ink_mask(rgb), plain_sight.ink(rgb))
    np.testing.assert_array_equal(tissue_mask(rgb, tell_ink), plain_sight.tissue(rgb, tell_ink))


@pytest.mark.parametrize("base", [(180, 90, 150), (243, 243, 243), (30, 30, 30), (30, 160, 140)])
def test_pictures_around_a_colour(base):
    noise = np.random.default_rng(0).normal(0, 25, (120, 131, 3))
    rgb = np.clip(np.array(base) + noise, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(ink_mask(rgb), plain_sight.ink(rgb))
    np.testing.assert_array_equal(tissue_mask(rgb), plain_sight.tissue(rgb))
    assert sharpness(rgb) == pytest.approx(plain_sight.sharpness(rgb), rel=1e-4)


def test_sharpness_of_a_gradient_with_grain():
    rgb = grainy(100, 90)
    assert sharpness(rgb) == pytest.approx(plain_sight.sharpness(rgb), rel=1e-4)
