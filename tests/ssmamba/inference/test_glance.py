"""The compiled first look finds what the closer one finds, and spares most windows that one."""

import cv2
import numpy as np
import pytest

from ssmamba.inference import glance, sight
from ssmamba.inference.glance import are_clear, obstacles
from ssmamba.inference.sight import look
from ssmamba.kernels import library
from tests.slides import grainy, tissue_like

STAINS = ("H&E", "PAS", "Giemsa", "violet")
INKS = [(30, 160, 140), (200, 60, 80), (60, 50, 52), (40, 60, 200)]


def variants(picture):
    """A picture in focus, and what may hide it: more and more of each."""
    side = len(picture)
    rng = np.random.default_rng(side)
    yield picture
    for sigma in (0.5, 0.8, 1.0, 1.3, 3.0):
        yield cv2.GaussianBlur(picture, (0, 0), sigma)
    for share in (0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.3, 0.55, 0.9):
        rows = round(share * side)
        for colour in ((244, 243, 245), (3, 3, 3), (150, 150, 150), *INKS):
            covered = picture.copy()
            noise = rng.normal(0, 0 if colour == (150, 150, 150) else 4, (rows, side, 3))
            covered[:rows] = np.clip(np.array(colour) + noise, 0, 255)
            yield covered
            yield np.ascontiguousarray(covered.transpose(1, 0, 2))
    for contrast in (0.0, 0.1, 0.15, 0.2, 0.3, 0.5):
        yield np.clip(200 + contrast * (picture.astype(float) - 128), 0, 255).astype(np.uint8)
    yield np.clip(picture * (0.1, 0.1, 1.0), 0, 255).astype(np.uint8)  # light in one channel


@pytest.mark.parametrize("side", [40, 64, 131, 224])
@pytest.mark.parametrize("stain", STAINS)
def test_what_is_found_is_what_the_closer_look_finds(side, stain):
    assert library.is_loaded()
    pictures = list(variants(grainy(side, side, side)))
    assert obstacles(pictures, stain) == [look(picture, stain).obstacle for picture in pictures]
    without_details = list(variants(tissue_like(side, side)))
    expected = [look(picture, stain).obstacle for picture in without_details]
    assert obstacles(without_details, stain) == expected
    assert set(expected) >= {"blurred", "blank"}


def test_tissue_needs_no_closer_look(monkeypatch):
    pictures = [grainy(224, 224, seed) for seed in range(8)]
    monkeypatch.delattr(sight, "look")
    for stain in STAINS:
        assert obstacles(pictures, stain) == [""] * 8


@pytest.mark.parametrize("change", ["glass", "dark"])
def test_of_what_is_open_only_that_is_looked_at(monkeypatch, change):
    """Tissue at the edge of glass, and tissue that is mostly dark."""
    picture = grainy(224, 224).astype(float)
    if change == "glass":
        picture[40:] = 244
        picture[40:, ::2] -= 6.0
    else:
        picture *= 0.35
    pictures = [np.clip(picture, 0, 255).astype(np.uint8)]
    expected = look(pictures[0], "H&E").obstacle
    assert expected == ""
    assert not are_clear(pictures, "H&E").any()
    monkeypatch.delattr(sight, "look")
    assert obstacles(pictures, "H&E") == [expected]


def test_without_the_kernels_the_closer_look_answers(monkeypatch):
    pictures = list(variants(grainy(64, 64)))
    expected = obstacles(pictures, "H&E")
    monkeypatch.setattr(library, "_loaded", {})
    assert not are_clear(pictures, "H&E").any()
    assert obstacles(pictures, "H&E") == expected


def test_pictures_of_many_sizes_and_shapes_are_left_to_the_closer_look():
    small, large = grainy(20, 20), grainy(64, 64)
    for pictures in ([small], [small, large], [grainy(2100, 40)]):
        assert not are_clear(pictures, "H&E").any()
    wide = grainy(150, 70)
    assert obstacles([wide], "H&E") == [look(wide, "H&E").obstacle]
    assert are_clear([wide, np.flip(wide, 1)], "H&E").all()  # the second is not contiguous


def test_ink_in_squares_is_never_missed():
    """The limits over squares are the finer picture's, a little wider."""
    rng = np.random.default_rng(0)
    for base in INKS:
        noise = rng.normal(0, 25, (200, 48, 48, 3))
        pictures = list(np.clip(np.array(base) + noise, 0, 255).astype(np.uint8))
        clear = are_clear(pictures, "H&E")
        told = [picture for picture, is_clear in zip(pictures, clear, strict=True) if is_clear]
        assert not any(look(picture, "H&E").obstacle for picture in told)
    assert (glance._ink_limits(1)[:2] == [20, 15]).all()
