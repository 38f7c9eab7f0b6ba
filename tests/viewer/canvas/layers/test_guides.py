"""Grid and crosshair lie where they say that they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.slides import write_pyramid
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import ViewState, habits
from viewer.canvas.layers.guides import grid_spacing
from viewer.canvas.view import View
from viewer.state.preferences import Preferences


@pytest.fixture
def white(make_driver: Callable[..., Driver], tmp_path: Path) -> Driver:
    """A white slide at 0.5 µm/px, seen at 1:1."""
    write_pyramid(tmp_path / "white.tif", picture=np.full((700, 1000, 3), 255, np.uint8))
    made = make_driver(width=600, height=400, decorations=True)
    made.open(tmp_path / "white.tif")
    made.look_at(500, 350, 1.0)
    return made


def like(monkeypatch: pytest.MonkeyPatch, driver: Driver, **wanted: bool) -> None:
    monkeypatch.setattr(habits, "_now", Preferences(**wanted))  # type: ignore[arg-type]
    driver.canvas.update()


@given(
    st.floats(1 / 64, 1000), st.one_of(st.none(), st.floats(0.05, 10)), st.sampled_from([1.0, 2.0])
)
def test_the_spacing_is_a_round_length_at_every_zoom(
    downsample: float, mpp: float | None, dpr: float
) -> None:
    view = View(ViewState(0, 0, downsample), 800, 600)
    spacing = grid_spacing(view, mpp, dpr)
    assert 79 <= spacing * view.scale / dpr <= 201
    length = spacing * (mpp or 1.0)
    lead = length / 10 ** math.floor(math.log10(length) + 1e-9)
    assert min(abs(lead - nice) for nice in (1, 2, 5)) < 1e-6


@pytest.mark.parametrize("rotation", [0.0, 90.0])
def test_lines_stand_at_even_places_of_the_slide(
    white: Driver, monkeypatch: pytest.MonkeyPatch, rotation: float
) -> None:
    white.canvas.set_view_state(ViewState(500, 350, 1.0, rotation))
    white.settle()
    before = white.grab().astype(int)
    like(monkeypatch, white, grid=True)
    darker = (before - white.grab().astype(int)).max(axis=2) > 40
    view = white.canvas.camera.view
    for x, y in ((400, 330), (600, 370), (450, 400), (520, 200 * 2)):  # on a line: each 50 µm
        at = view.to_screen(x, y).toPoint()
        assert darker[at.y() - 1 : at.y() + 2, at.x() - 1 : at.x() + 2].any()
    for x, y in ((450, 350), (550, 250), (433, 333)):
        at = view.to_screen(x, y).toPoint()
        assert not darker[at.y() - 1 : at.y() + 2, at.x() - 1 : at.x() + 2].any()


def test_the_grid_ends_with_the_slide(white: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    white.look_at(0, 0, 1.0)
    before = white.grab()
    like(monkeypatch, white, grid=True)
    changed = (before != white.grab()).any(axis=2)
    assert changed[200:300, 300:400].any()
    assert not changed[:198].any() and not changed[:340, :298].any()


def test_the_crosshair_follows_the_mouse_and_stands_in_the_middle_without_it(
    white: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = white.grab().astype(int)
    like(monkeypatch, white, crosshair=True)

    def lines() -> tuple[int, int]:
        """The column and the row that are dark from edge to edge."""
        dark = (before - white.grab().astype(int)).max(axis=2) > 60
        return int(dark[:120].sum(axis=0).argmax()), int(dark[:, 60:250].sum(axis=1).argmax())

    assert lines() == (300, 200)
    QTest.mouseMove(white.canvas, QPoint(420, 130))
    assert lines() == (420, 130)
    white.canvas.set_tool("lasso")
    QTest.mouseMove(white.canvas, QPoint(280, 170))
    assert lines() == (280, 170)
    QApplication.sendEvent(white.canvas, QEvent(QEvent.Type.Leave))
    assert lines() == (300, 200)
    white.canvas.point_at((540.0, 290.0))  # the mouse is on a slide that is linked to this one
    assert lines() == (340, 140)


def test_the_crosshair_tells_its_place(white: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    from viewer.canvas.layers import guides

    told: list[str] = []
    real = guides.formats.length
    monkeypatch.setattr(
        guides.formats, "length", lambda px, mpp: told.append(real(px, mpp)) or told[-1]
    )
    like(monkeypatch, white, crosshair=True)
    white.canvas.set_view_state(ViewState(500, 350, 1.0, 90.0))
    QTest.mouseMove(white.canvas, QPoint(300, 300))  # 100 px below the middle: the slide's right
    told.clear()
    white.grab()
    assert told == ["300 µm", "175 µm"]
