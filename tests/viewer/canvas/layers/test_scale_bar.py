"""The scale bar tells the truth in numbers that a person likes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QImage, QPainter

from tests.viewer.canvas.conftest import Driver
from viewer.canvas import ViewState
from viewer.canvas.layers.scale_bar import (
    length_text,
    magnification_text,
    nice_length,
    paint_scale_bar,
    scale_bar,
)
from viewer.canvas.view import View


@settings(max_examples=80, deadline=None)
@given(st.floats(1e-4, 1e9))
def test_lengths_are_one_two_or_five_and_fill_the_place(longest: float) -> None:
    length = nice_length(longest)
    assert length <= longest * (1 + 1e-6)
    assert length > longest * 0.39
    assert f"{length:.0e}"[0] in "125"


@settings(max_examples=100, deadline=None)
@given(st.floats(0.02, 200), st.floats(0.1, 2))
def test_the_bar_is_as_long_as_it_says(downsample: float, mpp: float) -> None:
    view = View(ViewState(0, 0, downsample), 800, 600)
    pixels, text = scale_bar(view, mpp, 130)
    number, unit = text.split(" ")
    um = float(number.replace("\u202f", "")) * {"nm": 1e-3, "µm": 1, "mm": 1000}[unit]
    assert pixels * downsample * mpp == pytest.approx(um, rel=1e-3)
    assert 40 < pixels <= 131


def test_without_calibration_lengths_are_pixels() -> None:
    assert scale_bar(View(ViewState(0, 0, 1), 800, 600), None, 130) == (100, "100 px")
    assert length_text(2500, 0.5) == "1.25 mm"
    assert length_text(10, 0.5) == "5 µm"


def test_the_readout_names_an_objective_or_a_percentage() -> None:
    view = View(ViewState(0, 0, 2), 800, 600)
    assert magnification_text(20.0, view.scale) == "20×"
    assert magnification_text(2.5, view.scale) == "2.5×"
    assert magnification_text(None, view.scale) == "50 %"


@pytest.mark.parametrize("width", [200, 320])
def test_the_readout_never_leaves_a_narrow_view(driver: Driver, width: int) -> None:
    picture = QImage(width, 80, QImage.Format.Format_RGB32)
    picture.fill(0)
    view = View(ViewState(0, 0, 2), width, 80)
    painter = QPainter(picture)
    paint_scale_bar(painter, view, 0.5, "0.325×  ·  Grid 500 µm  ·  colours changed", 1.0)
    painter.end()
    lit = [x for x in range(width) if picture.pixelColor(x, 50).lightness() > 0]
    assert 100 < max(lit) < width - 11


def test_decorations_can_be_left_out(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    plain = driver.grab()
    driver.canvas.scene.decorated = True
    decorated = driver.grab()
    assert (plain[-60:, :150] != decorated[-60:, :150]).any()
    assert (plain[-60:, -60:] != decorated[-60:, -60:]).any()
    driver.canvas.scene.decorated = False
    assert (driver.grab() == plain).all()
