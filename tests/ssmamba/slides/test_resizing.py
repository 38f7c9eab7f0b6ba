"""Resizing gives OpenCV's bytes, with the compiled kernel and without."""

import platform

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.kernels import library
from ssmamba.slides.resizing import all_resized, resized

# OpenCV is built with fused products elsewhere
MOST_OFF = 0 if platform.machine().lower() in ("x86_64", "amd64") else 1


def by_opencv(image, width, height):
    shrinks = image.shape[1] > width or image.shape[0] > height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=how)


def off(found, expected):
    return np.abs(found.astype(int) - expected).max(initial=0)


@given(st.tuples(*[st.integers(1, 90)] * 4), st.integers(0, 9))
def test_any_size(sizes, seed):
    high, wide, height, width = sizes
    image = np.random.default_rng(seed).integers(0, 256, (high, wide, 3), np.uint8)
    assert off(resized(image, width, height), by_opencv(image, width, height)) <= MOST_OFF


@pytest.mark.parametrize("sides", [(224, 128), (225, 224), (1000, 224), (448, 224), (301, 7)])
def test_many_at_once(sides, monkeypatch):
    assert library.is_loaded()
    before, after = sides
    images = [
        np.random.default_rng(seed).integers(0, 256, (before, before, 3), np.uint8)
        for seed in range(5)
    ]
    images.append(np.full_like(images[0], 255))
    images.append(np.flip(images[0], 0))  # not contiguous
    found = all_resized(images, after, after)
    assert off(found, np.stack([by_opencv(i, after, after) for i in images])) <= MOST_OFF
    monkeypatch.setattr(library, "_loaded", {})
    assert off(all_resized(images, after, after), found) <= MOST_OFF


@pytest.mark.parametrize("shape", [(90, 30), (30, 90), (90, 20)])
def test_stripes_across_the_axis_that_becomes_shorter_are_averaged(shape):
    stripes = np.zeros((*shape, 3), np.uint8)
    (stripes if shape[0] > shape[1] else stripes.swapaxes(0, 1))[::3] = 255
    assert np.ptp(resized(stripes, 30, 30)) == 0


def test_a_picture_of_that_size_is_itself():
    image = np.zeros((9, 9, 3), np.uint8)
    assert resized(image, 9, 9) is image
