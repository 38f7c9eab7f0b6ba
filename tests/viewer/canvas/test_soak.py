"""Long use: a hundred thousand paints, with tiles coming and going, neither crash nor grow."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import Overlay, ViewState
from viewer.tiles.source import TileSource

resource = pytest.importorskip("resource", reason="memory is measured on Unix only")
PAINTS = 100_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_paints(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = driver.canvas
    canvas.resize(240, 180)
    canvas.scene.decorated = True
    ring = tuple((400.0 + 90 * np.cos(a), 300.0 + 80 * np.sin(a)) for a in np.arange(0, 6.2, 0.1))
    roi = Roi(((ring,),), name="region")
    canvas.set_rois([roi])
    image = QImage(7, 7, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0x40800000)
    canvas.set_overlays([Overlay(image, 310, 220, 180, 160, clip=roi)])
    target = QImage(240, 180, QImage.Format.Format_RGB32)
    rng = np.random.default_rng(0)
    used_kb = 0
    for n in range(PAINTS):
        if n % 50 == 0:
            x, y = rng.uniform((0, 0), (1000, 700))
            canvas.set_view_state(ViewState(x, y, float(rng.choice([0.5, 1, 1.7, 4]))))
            canvas.set_selected(roi.id if n % 100 else None)
            QApplication.processEvents()
        canvas.camera.pan_by(3, -2)
        canvas.render(target)
        if n == PAINTS // 5:
            used_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used_kb
    assert grown_kb < 60_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_opening_slides_again_and_again_gives_memory_and_threads_back(driver: Driver) -> None:
    import threading

    from viewer.tiles import source as module

    before = threading.active_count()
    for _ in range(60):
        old = driver.canvas.source
        driver.open(driver.path)
        driver.settle()
        assert isinstance(old, TileSource)
        driver.qtbot.waitUntil(lambda old=old: len(old.cache) == 0)
    assert threading.active_count() <= before + 2
    assert len(module._alive) <= 2
