"""Which pixels stand for a region."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import RoiError
from ssmamba.reading.plan import (
    plan_region,
    read_batches,
    read_window,
    uses_icc,
    whole_image_roi,
)
from ssmamba.reading.scale import SCALE_UNKNOWN, UNCALIBRATED
from ssmamba.reading.values import ReadOptions, Window
from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Roi, geometry_hash
from ssmamba.slides.slide import Slide
from tests.slides import tissue_like, write_pyramid

PLAIN = InputSpec(window_px=64, source_px=64)  # a model that knows no scale
SCALED = InputSpec(window_px=64, source_px=64, mpp=1.0)


def square(x, y, side, **fields):
    ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return Roi(((ring,),), **fields)


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    path = tmp_path_factory.mktemp("slide") / "s.tif"
    write_pyramid(path, 1000, 700, mpp=0.5)
    with Slide.open(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def uncalibrated(tmp_path_factory):
    path = tmp_path_factory.mktemp("slide") / "u.tif"
    write_pyramid(path, 1000, 700, mpp=None)
    with Slide.open(path) as opened:
        yield opened


def test_a_square_of_the_training_size_is_read_as_exactly_its_pixels(slide):
    plan = plan_region(square(131, 257, 64), slide, PLAIN)
    assert plan.windows.tolist() == [[131, 257, 64]]
    assert plan.mode == "whole"
    pixels = read_window(slide, Window(*plan.windows[0]), plan.out_px)
    np.testing.assert_array_equal(pixels, slide.read_region(131, 257, 0, 64, 64))


def test_a_lasso_with_many_vertices_around_a_patch_reads_the_same_pixels(slide):
    ring = tuple((200.0 + v, 300.0) for v in range(0, 65, 4))
    ring += ((264.0, 364.0), (230.0, 364.0), (200.0, 364.0))
    plan = plan_region(Roi(((ring,),)), slide, PLAIN)
    assert plan.windows.tolist() == [[200, 300, 64]]


def test_whole_is_a_square_with_its_surroundings_never_squashed(slide):
    ring = ((100, 100), (400, 100), (400, 150), (100, 150))
    plan = plan_region(Roi(((ring,),)), slide, PLAIN, ReadOptions("whole"))
    assert plan.windows.tolist() == [[100, 0, 300]]  # moved down to stay on the slide
    assert plan.out_px == 64


def test_a_window_at_the_edge_is_moved_onto_the_slide(slide):
    plan = plan_region(square(990, 690, 10), slide, SCALED)
    ((x, y, side),) = plan.windows
    assert (x + side, y + side) == (1000, 700)


def test_the_models_scale_sets_the_window(slide):
    plan = plan_region(square(300, 300, 40), slide, SCALED)
    assert plan.windows[0, 2] == 128  # 64 px at 1 µm on a slide of 0.5 µm/px
    assert plan.mpp == pytest.approx(1.0)
    assert plan.notes == ()


def test_auto_reads_a_large_region_in_windows_at_the_models_scale(slide):
    plan = plan_region(square(100, 100, 256), slide, SCALED)
    assert plan.mode == "tiles"
    corners = [(100, 100), (228, 100), (100, 228), (228, 228)]  # row by row
    assert plan.windows.tolist() == [[x, y, 128] for x, y in corners]


def test_whole_at_another_scale_than_trained_is_noted(slide):
    plan = plan_region(square(100, 100, 512), slide, SCALED, ReadOptions("whole"))
    assert plan.mode == "whole"
    assert any("trained at 1" in note for note in plan.notes)


def test_the_users_calibration_wins(slide):
    plan = plan_region(square(300, 300, 40), slide, SCALED, mpp=0.25)
    assert plan.windows[0, 2] == 256


def test_an_uncalibrated_slide_is_noted_for_a_model_with_a_scale(uncalibrated):
    plan = plan_region(square(300, 300, 40), uncalibrated, SCALED)
    assert UNCALIBRATED in plan.notes
    assert plan.mpp is None
    calibrated = plan_region(square(300, 300, 40), uncalibrated, SCALED, mpp=0.5)
    assert calibrated.notes == ()


def test_a_model_without_scale_says_so_until_a_field_is_set(slide):
    assert SCALE_UNKNOWN in plan_region(square(100, 100, 120), slide, PLAIN).notes
    large = square(100, 100, 300)
    plan = plan_region(large, slide, PLAIN, ReadOptions(field_px=100.0))
    assert plan.notes == ()
    assert plan.mode == "tiles"
    assert len(plan.windows) == 9


def test_a_region_thinner_than_half_a_window_still_gets_windows(slide):
    ring = ((100, 100), (700, 100), (700, 110), (100, 110))
    plan = plan_region(Roi(((ring,),)), slide, PLAIN, ReadOptions("tiles", 100.0))
    assert len(plan.windows) >= 5


def test_an_image_that_is_not_square_is_read_in_parts_not_padded(tmp_path):
    Image.fromarray(tissue_like(130, 90)).save(tmp_path / "wide.png")
    with Slide.open(tmp_path / "wide.png") as wide:
        plan = plan_region(whole_image_roi(wide), wide, PLAIN)
        assert plan.windows.tolist() == [[0, 0, 90], [40, 0, 90]]


def test_a_nearly_square_image_is_read_as_its_centre_as_in_training(tmp_path):
    from training.data.images import centre_square

    picture = tissue_like(103, 100)
    Image.fromarray(picture).save(tmp_path / "almost.png")
    with Slide.open(tmp_path / "almost.png") as almost:
        plan = plan_region(whole_image_roi(almost), almost, PLAIN)
        pixels = read_window(almost, Window(*plan.windows[0]), plan.out_px)
    assert plan.mode == "whole"
    np.testing.assert_array_equal(pixels, centre_square(picture))  # reduced once, later


def test_a_region_that_hangs_over_the_edge_is_read_on_the_slide(slide):
    plan = plan_region(square(-50, -50, 150), slide, PLAIN)
    assert plan.windows.tolist() == [[0, 0, 100]]


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        (Roi(()), "is empty"),
        (Roi((((),),)), "is empty"),
        (Roi(((((1, 1), (5, 5), (9, 9)),),)), "is empty"),
        (Roi(((((1, 1), (float("nan"), 5), (9, 2)),),)), "is empty"),
        (Roi(((((50, 50),),),), kind="point"), "has no area"),
        (Roi(((((50, 50), (90, 90)),),), kind="line"), "has no area"),
        (square(5000, 100, 50, name="Far"), "'Far' lies off the slide"),
        (square(-90, 100, 50), "lies off the slide"),
    ],
)
def test_a_region_that_cannot_be_read_says_what_to_do(slide, roi, words):
    with pytest.raises(RoiError, match=words + r".*; draw .*\.$"):
        plan_region(roi, slide, PLAIN)


def test_a_field_that_is_no_length_is_refused(slide):
    with pytest.raises(RoiError, match="give 1 px or more"):
        plan_region(square(0, 0, 50), slide, PLAIN, ReadOptions(field_px=0.0))


def test_batches_come_in_order_and_hold_every_window_once(slide):
    plan = plan_region(square(0, 0, 640), slide, PLAIN, ReadOptions("tiles", 64.0))
    seen = []
    for start, pixels in read_batches(slide, plan.windows, plan.out_px, 7):
        assert start == len(seen)
        seen += list(pixels)
    assert len(seen) == len(plan.windows) == 100
    for window, pixels in list(zip(plan.windows, seen, strict=True))[::13]:
        np.testing.assert_array_equal(pixels, read_window(slide, Window(*window), 64))


def swapped_profile():
    """An ICC profile whose red is sRGB's blue and the other way round."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    names = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    table = bytearray(srgb)
    for tag in range(int.from_bytes(srgb[128:132], "big")):
        at = 132 + 12 * tag
        table[at : at + 4] = names.get(srgb[at : at + 4], srgb[at : at + 4])
    return bytes(table)


def test_the_colour_profile_is_applied_when_the_card_or_the_user_says_so(tmp_path):
    picture = Image.fromarray(tissue_like(64, 64))
    picture.save(tmp_path / "with.png", icc_profile=swapped_profile())
    picture.save(tmp_path / "without.png")
    window = Window(0, 0, 64.0)
    with Slide.open(tmp_path / "with.png") as profiled, Slide.open(tmp_path / "without.png") as raw:
        plain = read_window(profiled, window, 64)
        np.testing.assert_array_equal(plain, read_window(raw, window, 64))
        assert np.abs(read_window(profiled, window, 64, icc=True).astype(int) - plain).max() > 3
        asked = InputSpec(icc=True)
        assert uses_icc(profiled, asked, None)
        assert not uses_icc(profiled, asked, False)
        assert uses_icc(profiled, PLAIN, True)
        assert not uses_icc(profiled, PLAIN, None)
        assert not uses_icc(raw, asked, True)


def whole_slide_of(width, height, vendor="aperio"):
    """A slide of 0.25 µm/px that is only asked for its size."""
    info = SimpleNamespace(vendor=vendor)
    return SimpleNamespace(dimensions=(width, height), mpp=0.25, info=info)


def test_all_of_a_large_slide_can_be_read_in_windows():
    spec = InputSpec(window_px=224, source_px=224, mpp=0.5)
    slide = whole_slide_of(100_000, 80_000)
    plan = plan_region(whole_image_roi(slide), slide, spec)
    assert plan.mode == "tiles" and plan.out_px == 224 and plan.mpp == pytest.approx(0.5)
    assert plan.windows.shape == (224 * 179 - 4, 3)  # the corners are less than half on the slide
    assert plan.windows.nbytes < 1_000_000
    starts, side = plan.windows[:, :2], plan.windows[:, 2:]
    assert (side == 448).all() and (starts >= 0).all()
    assert (starts + side <= slide.dimensions).all()


def test_a_thin_diagonal_strip_needs_the_windows_along_it_not_those_of_its_bounding_box():
    spec = InputSpec(window_px=224, source_px=224, mpp=0.5)
    slide = whole_slide_of(100_000, 80_000)
    strip = Roi(((((0, 0), (1000, 0), (100_000, 79_200), (100_000, 80_000), (99_000, 80_000),
                    (0, 800)),),))  # fmt: skip
    plan = plan_region(strip, slide, spec)
    assert plan.areas.sum() == pytest.approx(area_of(strip), rel=0.01)
    assert len(plan.windows) * 448**2 < 1.6 * area_of(strip)  # of 40,000 in its bounding box
    diagonal = abs(plan.windows[:, 1] - plan.windows[:, 0] * 0.8)
    assert diagonal.max() < 1500


def test_the_geometry_hash_tells_a_moved_vertex_and_ignores_the_name():
    assert geometry_hash(square(1, 2, 3)) == geometry_hash(square(1, 2, 3, name="other"))
    assert geometry_hash(square(1, 2, 3)) != geometry_hash(square(1.1, 2, 3))
