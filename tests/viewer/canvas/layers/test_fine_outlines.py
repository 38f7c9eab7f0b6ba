"""Outlines of very many corners are painted otherwise, and look the same."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from ssmamba.rois.outlines import ellipse_ring
from ssmamba.rois.roi import Roi
from viewer.canvas.layers import roi_shape
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.types import ViewState
from viewer.canvas.view import View


def painted(halo: bool) -> np.ndarray:
    """Where a circle's outline is, (H, W) from 0 to 1."""
    roi = Roi(((ellipse_ring((20, 20), (380, 380), 2000),),), color=(0, 255, 0))
    image = QImage(400, 400, QImage.Format.Format_RGB32)
    image.fill(QColor(0, 0, 0))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    view = View(ViewState(200, 200, 1.0), 400, 400)
    paint_outline(painter, view, 1.0, RoiShape(roi), strong=True, halo=halo)
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(400, 400, 4)[..., 1] / 255.0


@pytest.mark.parametrize("halo", [False, True])
def test_a_fine_outline_is_as_wide_and_as_bright(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, halo: bool
) -> None:
    wide = painted(halo)
    monkeypatch.setattr(roi_shape, "FINE_FROM", 100)
    fine = painted(halo)
    assert not np.array_equal(wide, fine)
    assert fine.sum() == pytest.approx(wide.sum(), rel=0.2)
    assert np.abs(fine - wide).mean() < 0.02
