"""What is painted and clicked of an area is what is measured of it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from ssmamba.rois.geometry import roi_shape
from tests.ssmamba.rois.areas import AREAS, STROKE, area
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import Overlay, ViewState
from viewer.canvas.layers.overlays import OverlayLayer
from viewer.canvas.layers.roi_shape import RoiShape
from viewer.canvas.tools.lasso import Lasso
from viewer.canvas.view import View

VIEW = View(ViewState(200, 200, 1.0), 520, 520)  # one slide pixel on one pixel


@pytest.mark.parametrize("name", AREAS)
def test_a_map_is_painted_on_as_many_pixels(name: str) -> None:
    red = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    red.fill(QColor(255, 0, 0))
    layer = OverlayLayer()
    layer.set_overlays([Overlay(red, -50, -50, 500, 500, clip=area(name))])
    screen = QImage(520, 520, QImage.Format.Format_Grayscale8)
    screen.fill(QColor(0, 0, 0))
    painter = QPainter(screen)
    layer.paint(painter, VIEW)
    painter.end()
    pixels = np.frombuffer(screen.constBits(), np.uint8)
    painted = pixels.sum() / max(1, pixels.max())
    assert painted == pytest.approx(AREAS[name][1], rel=0.01)


@pytest.mark.parametrize("name", AREAS)
def test_a_click_finds_it_where_it_is(name: str) -> None:
    import shapely

    shape, shown = roi_shape(area(name)), RoiShape(area(name))
    places = np.random.default_rng(0).uniform(-40, 460, (200, 2)).tolist()
    for x, y in places:
        assert shown.contains(x, y, 0.0) == shape.contains(shapely.Point(x, y))


def test_a_stroke_over_itself_is_filled_while_it_is_drawn(driver: Driver) -> None:
    lasso = Lasso(driver.canvas)
    lasso.path = list(STROKE)
    screen = QImage(520, 520, QImage.Format.Format_RGB32)
    screen.fill(QColor(0, 0, 0))
    painter = QPainter(screen)
    lasso.paint(painter, VIEW, 1.0)
    painter.end()
    once, twice, beside = ((v + 60, v + 60) for v in (40, 200, -40))
    assert screen.pixel(*once) == screen.pixel(*twice) != screen.pixel(*beside)
