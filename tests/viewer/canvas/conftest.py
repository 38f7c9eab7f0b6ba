"""A shown canvas on a small slide, and the mouse that drives it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ssmamba.rois.roi import Roi
from tests.slides import write_pyramid
from viewer.canvas import SlideCanvas, ViewState

SQUARE = Roi((((((420, 270), (580, 270), (580, 430), (420, 430))),),), id="square", kind="polygon")
INNER = Roi((((((480, 330), (520, 330), (520, 370), (480, 370))),),), id="inner")


def circle(x: float, y: float, radius: float, turns: float = 1.0) -> list[tuple[float, float]]:
    steps = int(60 * turns)
    return [
        (x + radius * math.cos(2 * math.pi * i / 60), y + radius * math.sin(2 * math.pi * i / 60))
        for i in range(steps)
    ]


class Driver:
    """Drives one canvas as a user would."""

    def __init__(self, canvas: SlideCanvas, qtbot: QtBot) -> None:
        self.canvas = canvas
        self.qtbot = qtbot
        self.path = Path()
        self.picture = np.empty(0)  # level 0 of the slide, (H, W, 3)
        self.drawn: list[Roi] = []
        self.edited: list[Roi] = []
        self.clicked: list[str | None] = []
        self.hints: list[str] = []
        canvas.roi_drawn.connect(self.drawn.append)
        canvas.rois_edited.connect(self.edited.extend)
        canvas.roi_clicked.connect(self.clicked.append)
        canvas.hint.connect(self.hints.append)

    def open(self, path: Path) -> None:
        self.path = path
        with self.qtbot.waitSignal(self.canvas.slide_opened):
            self.canvas.open_slide(str(path))

    def settle(self) -> None:
        self.qtbot.waitUntil(self.canvas.is_settled)

    def look_at(self, x: float, y: float, downsample: float) -> None:
        self.canvas.set_view_state(ViewState(x, y, downsample))
        self.settle()

    def screen(self, x: float, y: float) -> QPoint:
        """Widget pixel of a place on the slide."""
        return self.canvas.camera.view.to_screen(x, y).toPoint()

    def drag(
        self,
        *places: tuple[float, float],
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press at the first place (level-0 px), move along the others, release at the last."""
        points = [self.screen(*place) for place in places]
        QTest.mousePress(self.canvas, button, modifier, points[0])
        for point in points[1:]:
            QTest.mouseMove(self.canvas, point)
        QTest.mouseRelease(self.canvas, button, modifier, points[-1])

    def click(self, x: float, y: float) -> None:
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=self.screen(x, y))

    def grab(self) -> np.ndarray:
        """What the widget shows, (H, W, 3) uint8 RGB."""
        image = self.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        rows = np.frombuffer(image.constBits(), np.uint8)
        rows = rows.reshape(image.height(), image.bytesPerLine())[:, : image.width() * 4]
        return rows.reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


@pytest.fixture
def make_driver(qtbot: QtBot) -> Iterator[Callable[..., Driver]]:
    drivers: list[Driver] = []

    def make(*, width: int = 400, height: int = 300, decorations: bool = False) -> Driver:
        canvas = SlideCanvas(decorations=decorations)
        qtbot.addWidget(canvas)
        canvas.resize(width, height)
        canvas.show()
        drivers.append(Driver(canvas, qtbot))
        return drivers[-1]

    yield make
    for driver in drivers:
        source = driver.canvas.source
        driver.canvas._slides.take(None)
        assert source is None or source.wait_closed()


@pytest.fixture
def driver(make_driver: Callable[..., Driver], tmp_path: Path) -> Driver:
    """A canvas that shows a whole slide of 1000 × 700 px at 0.5 µm/px."""
    path = tmp_path / "slide.tif"
    picture = write_pyramid(path)
    result = make_driver()
    result.picture = picture
    result.open(path)
    result.settle()
    return result


@pytest.fixture
def drawing(driver: Driver) -> Driver:
    """At 1:1 in the middle of the slide: x 300..700, y 200..500 are visible."""
    driver.look_at(500, 350, 1.0)
    return driver
