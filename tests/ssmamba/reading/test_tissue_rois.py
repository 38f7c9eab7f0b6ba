"""The pieces of tissue on a slide: holes, thin slides, padding, pens, fluorescence."""

from functools import lru_cache

import cv2
import numpy as np
import pytest

from ssmamba.errors import RoiError
from ssmamba.reading.tissue_rois import tissue_rois
from ssmamba.rois.geometry import area_of
from ssmamba.slides.fill import fill_mask
from ssmamba.slides.slide import Slide
from ssmamba.slides.tissue import tissue_of_slide
from tests.slides import SHARED_SLIDES, write_pyramid

TISSUE = (180, 90, 150)


def canvas(width, height):
    """Glass, and as much tissue."""
    return (image.copy() for image in drawn(width, height))


@lru_cache(maxsize=2)
def drawn(width, height):
    draw = np.random.default_rng(0)
    glass = draw.normal(243, 1.2, (height, width, 1)).repeat(3, 2)
    tissue = draw.normal(TISSUE, 25, (height, width, 3))
    return [np.clip(image, 0, 255).astype(np.uint8) for image in (glass, tissue)]


def pieces(tmp_path, picture):
    path = tmp_path / "slide.tif"
    write_pyramid(path, picture=picture)
    with Slide.open(path) as slide:
        return tissue_rois(slide)


def test_a_ring_keeps_its_hole_also_when_the_hole_is_off_centre(tmp_path):
    glass, tissue = canvas(1500, 1500)
    rows, columns = np.mgrid[:1500, :1500]
    mask = np.hypot(columns - 750, rows - 750) < 670
    mask &= np.hypot(columns - 850, rows - 750) > 460
    glass[mask] = tissue[mask]
    (ring,) = pieces(tmp_path, glass)
    assert len(ring.polygons[0]) == 2
    assert area_of(ring) == pytest.approx(mask.sum(), rel=0.03)


@pytest.mark.parametrize("tall", [False, True])
def test_cores_on_a_long_thin_slide_are_outlined_as_closely_as_on_any(tmp_path, tall):
    glass, tissue = canvas(24_000, 240)
    for left, right in ((4000, 12_000), (16_000, 18_400)):
        glass[60:180, left:right] = tissue[60:180, left:right]
    picture = np.ascontiguousarray(glass.transpose(1, 0, 2)) if tall else glass
    areas = [area_of(roi) for roi in pieces(tmp_path, picture)]
    assert areas == pytest.approx([8000 * 120, 2400 * 120], rel=0.05)


@pytest.mark.parametrize("level", [0, 5, 12, 30, 56, 60, 90, 128, 180, 205, 230])
@pytest.mark.parametrize("gap", [0, 250])
def test_padding_of_any_grey_is_no_tissue_and_costs_none(tmp_path, level, gap):
    """Also on one side alone, and where tissue touches it."""
    glass, tissue = canvas(1600, 1200)
    glass[400:900, 250 + gap : 850 + gap] = tissue[400:900, 250 + gap : 850 + gap]
    glass[:, :250] = level
    glass[1000:] = level if gap else glass[1000:]
    (roi,) = pieces(tmp_path, glass)
    assert area_of(roi) == pytest.approx(600 * 500, rel=0.03)


@pytest.mark.parametrize("colour", [(200, 180, 220), (180, 90, 150), (0, 0, 255), (128, 128, 140)])
@pytest.mark.parametrize("gap", [0, 250])
def test_padding_of_one_colour_is_no_tissue_and_costs_none(tmp_path, colour, gap):
    glass, tissue = canvas(1600, 1200)
    glass[400:900, 250 + gap : 850 + gap] = tissue[400:900, 250 + gap : 850 + gap]
    glass[:, :250] = colour
    glass[1000:] = colour if gap else glass[1000:]
    (roi,) = pieces(tmp_path, glass)
    assert area_of(roi) == pytest.approx(600 * 500, rel=0.03)


@pytest.mark.parametrize("level", [90, 128, 205])
@pytest.mark.parametrize(("noise", "channels"), [(1, 3), (3, 3), (5, 3), (3, 1)])
def test_grey_padding_with_the_noise_of_a_camera_is_no_tissue(tmp_path, level, noise, channels):
    glass, tissue = canvas(1600, 1200)
    glass[400:900, 300:900] = tissue[400:900, 300:900]
    grain = np.random.default_rng(1).normal(level, noise, (1200, 250, channels))
    glass[:, :250] = np.clip(grain, 0, 255).astype(np.uint8)
    (roi,) = pieces(tmp_path, glass)
    assert area_of(roi) == pytest.approx(600 * 500, rel=0.03)


@pytest.mark.shared_data
@pytest.mark.parametrize("folder", ["lc25000", "idc", "pbc"])
def test_real_tissue_is_taken_for_no_fill(folder):
    paths = sorted((SHARED_SLIDES.parent / folder).rglob("*.[jp][pn]g"))
    if not paths:
        pytest.skip("../shared/data is absent")
    pictures = (cv2.imread(str(path))[..., ::-1] for path in paths[:: len(paths) // 60])
    assert all(fill_mask(picture) is None for picture in pictures)


def test_a_grey_frame_and_dark_noise_are_no_tissue(tmp_path):
    glass, tissue = canvas(1600, 1200)
    glass[400:900, 300:900] = tissue[400:900, 300:900]
    framed = glass.copy()
    framed[:30] = framed[-30:] = 128
    framed[:, :30] = framed[:, -30:] = 128
    noisy = glass.copy()
    dark = np.random.default_rng(1).normal(12, 5, (1200, 300, 3))
    noisy[:, :300] = np.clip(dark, 0, 255).astype(np.uint8)
    for picture in (framed, noisy):
        (roi,) = pieces(tmp_path, picture)
        assert area_of(roi) == pytest.approx(600 * 500, rel=0.03)


def test_even_grey_that_is_no_padding_stays_tissue():
    """A speck of pigment, and one that only just reaches the edge."""
    glass, _ = canvas(400, 300)
    cv2.circle(glass, (200, 150), 40, (90, 90, 90), -1)
    glass[:40, 10:30] = 90
    found = tissue_of_slide(glass)
    assert found[150, 200] and found[20, 20]


@pytest.mark.parametrize(
    "colour", [(30, 160, 140), (60, 120, 210), (205, 18, 18), (28, 28, 32)],
    ids=["green", "blue", "red", "black"],
)  # fmt: skip
def test_a_pen_stroke_beside_the_tissue_is_none(tmp_path, colour):
    glass, tissue = canvas(1600, 1200)
    glass[400:900, 500:1100] = tissue[400:900, 500:1100]
    stroke = np.zeros((1200, 1600), np.float32)
    cv2.line(stroke, (150, 100), (250, 1100), 1.0, 60)
    stroke = cv2.GaussianBlur(stroke, (0, 0), 6)[..., None]  # out of focus, as ink is
    picture = (glass * (1 - stroke) + np.array(colour) * stroke).astype(np.uint8)
    (roi,) = pieces(tmp_path, picture)
    assert area_of(roi) == pytest.approx(600 * 500, rel=0.03)


def test_fluorescence_is_refused_and_so_is_a_slide_of_pen_alone(tmp_path):
    dark = np.zeros((800, 800, 3), np.uint8)
    dark[200:400, 200:500, 2] = 180
    with pytest.raises(RoiError, match=r"fluorescence.*draw a region"):
        pieces(tmp_path, dark)
    glass, _ = canvas(800, 800)
    glass[200:400] = (30, 160, 140)
    with pytest.raises(RoiError, match="No tissue"):
        pieces(tmp_path, glass)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["dapi-387.ndpi", "tritc-560.ndpi"])
def test_real_fluorescence_is_refused(name):
    if not (SHARED_SLIDES / name).exists():
        pytest.skip("../shared/data is absent")
    with Slide.open(SHARED_SLIDES / name) as slide, pytest.raises(RoiError, match="fluorescence"):
        tissue_rois(slide)
