"""How much of a slide a window covers, and when that must be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import RoiError, ScaleNeeded
from ssmamba.reading.plan import plan_region, whole_image_roi
from ssmamba.reading.scale import (
    AS_TRAINED,
    SCALE_UNKNOWN,
    UNCALIBRATED,
    field_on,
    is_about_training_size,
    suggested_px,
)
from ssmamba.reading.values import ReadOptions
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide
from tests.slides import tissue_like, write_pyramid

CELLS = InputSpec(window_px=64, source_px=100, picture="cell", published_px=180)
AT_60 = InputSpec(window_px=128, source_px=224, published_px=768, magnification=60.0)


def square(x: float, y: float, side: float) -> Roi:
    return Roi((((((x, y), (x + side, y), (x + side, y + side), (x, y + side)),)),))


def image(folder: Path, width: int, height: int) -> Path:
    path = folder / f"{width}x{height}.png"
    Image.fromarray(tissue_like(width, height)).save(path)
    return path


@pytest.mark.parametrize("side", [70, 100, 145, 130, 180, 260])
@pytest.mark.parametrize("lasso", [(10, 10, 12), (40, 8, 30), (1, 1, 68)])
def test_an_image_of_about_the_training_size_is_read_as_trained_whatever_the_lasso(
    tmp_path: Path, side: int, lasso: tuple[float, float, float]
) -> None:
    with Slide.open(image(tmp_path, side, side)) as picture:
        plan = plan_region(square(*lasso), picture, CELLS)
        assert plan.windows.tolist() == [[0, 0, side]] and plan.mode == "whole"
        assert plan.out_px == side and plan.notes == (AS_TRAINED,)
        whole = plan_region(whole_image_roi(picture), picture, CELLS)
        assert whole.windows.tolist() == plan.windows.tolist()


def test_in_an_oblong_image_the_window_is_centred_on_the_region(tmp_path: Path) -> None:
    with Slide.open(image(tmp_path, 140, 100)) as picture:
        left = plan_region(square(2, 2, 20), picture, CELLS)
        assert left.windows.tolist() == [[0, 0, 100]]  # moved into the image
        middle = plan_region(square(60, 40, 20), picture, CELLS)
        assert middle.windows.tolist() == [[20, 0, 100]]


@pytest.mark.parametrize(
    ("dimensions", "is_about"),
    [
        ((100, 100), True),
        ((150, 100), True),
        ((151, 100), False),  # too oblong for one square
        ((67, 67), True),
        ((66, 66), False),
        ((270, 270), True),  # 1.5 times as large as published
        ((271, 271), False),
    ],
)
def test_what_about_the_training_size_means(dimensions: tuple[int, int], is_about: bool) -> None:
    assert is_about_training_size(CELLS, dimensions) is is_about


@pytest.mark.parametrize(
    ("spec", "mpp", "px"),
    [
        (AT_60, 0.5, 256),  # 768 px of 10/60 µm are 128 µm
        (AT_60, 0.25, 512),
        (AT_60, None, 224),
        (CELLS, 0.5, 100),
        (AT_60, 0.05, 900),  # never more than the slide
    ],
)
def test_a_likely_value_is_suggested(spec: InputSpec, mpp: float | None, px: float) -> None:
    assert suggested_px(spec, (2000, 900), mpp) == px
    field = field_on(spec, (2000, 900), False, mpp)
    assert (field.px, field.sure, field.notes) == (px, False, (SCALE_UNKNOWN,))


def test_a_field_in_micrometres_is_a_scale() -> None:
    spec = InputSpec(window_px=64, source_px=100, field_um=50.0)
    assert field_on(spec, (2000, 900), False, 0.25).px == 200
    assert field_on(spec, (2000, 900), False, 0.25).sure
    assert field_on(spec, (2000, 900), False, None).notes == (UNCALIBRATED,)


def test_a_set_field_wins_over_a_guess_and_must_be_a_length() -> None:
    field = field_on(CELLS, (100, 100), True, None, ReadOptions(field_px=40.0))
    assert (field.px, field.sure) == (40, True)
    with pytest.raises(RoiError, match="give 1 px or more"):
        field_on(CELLS, (100, 100), True, None, ReadOptions(field_px=0.5))


def test_without_a_scale_small_regions_are_read_and_large_ones_are_asked_about(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.tif"
    write_pyramid(path, 1000, 700, mpp=None)
    with Slide.open(path) as slide:
        tight = plan_region(square(300, 300, 30), slide, CELLS)
        assert tight.windows.tolist() == [[265, 265, 100]]  # not squeezed: one likely window
        two = plan_region(square(300, 300, 200), slide, CELLS)
        assert two.windows.tolist() == [[300, 300, 200]] and two.mode == "whole"
        assert SCALE_UNKNOWN in tight.notes and SCALE_UNKNOWN in two.notes
        for options in (ReadOptions(), ReadOptions("tiles")):
            with pytest.raises(ScaleNeeded, match=r"wider than 200 px .* --field-px \(100") as told:
                plan_region(square(300, 300, 210), slide, CELLS, options)
            assert told.value.suggested_px == 100
        asked = plan_region(square(300, 300, 210), slide, CELLS, ReadOptions(field_px=70.0))
        assert len(asked.windows) == 9
        whole = plan_region(square(300, 300, 210), slide, CELLS, ReadOptions("whole"))
        assert whole.windows.tolist() == [[300, 300, 210]]  # the user's own word
