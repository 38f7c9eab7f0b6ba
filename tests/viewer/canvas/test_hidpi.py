"""On a screen with two device pixels a point, a slide pixel is still one device pixel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.slides import write_pyramid

SCRIPT = """
import sys, time
import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from viewer.canvas import SlideCanvas, ViewState

app = QApplication([])
canvas = SlideCanvas(decorations=False)
canvas.resize(200, 150)
canvas.show()
canvas.open_slide(sys.argv[1])
end = time.monotonic() + 200

def settle():
    while not canvas.is_settled() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.002)

settle()
canvas.set_view_state(ViewState(500, 350, 1.0))
settle()
image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
assert canvas.devicePixelRatioF() == 2.0
rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
np.save(sys.argv[2], rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3))

drawn = []
canvas.roi_drawn.connect(drawn.append)
canvas.set_tool("rectangle")
QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 40))
QTest.mouseMove(canvas, QPoint(80, 60))
QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, 90))
print(drawn[0].bounds)
canvas._slides.take(None)
"""


def test_one_to_one_and_the_mouse_are_right_on_a_fine_screen(tmp_path: Path) -> None:
    picture = write_pyramid(tmp_path / "slide.tif")
    out = tmp_path / "shown.npy"
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "slide.tif"), str(out)],
        env={**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"},
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    import numpy as np

    assert np.array_equal(np.load(out), picture[200:500, 300:700])
    assert result.stdout.strip() == "(400.0, 280.0, 540.0, 380.0)"
