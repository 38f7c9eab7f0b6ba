"""Lays what is read of a whole slide on the canvas, and makes regions of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QTimer, Signal

from ssmamba.rois.roi import Roi
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Controller, Shared
from viewer.controllers.tile_maps import MOST_REGIONS, regions_of_boxes
from viewer.state.slide_scan import STEPS, ScanLook, ScanMap
from viewer.state.slide_scans import SlideScans
from viewer.text import formats
from viewer.text.tr import tr

PAINT_MS = 100  # between two paintings while windows come


class ScanPainter(Controller):
    """Follows the scan; windows that come in quick succession are painted together."""

    painted = Signal()

    def __init__(self, shared: Shared, canvas: SlideCanvas, scans: SlideScans) -> None:
        super().__init__(shared)
        self._canvas, self._scans = canvas, scans
        self._numbers = np.zeros((0, 0), np.uint8)  # colours of the windows, as they are shown
        self._of: tuple[ScanMap, str, int] | None = None  # what they were made for
        self._new: list[np.ndarray] = []  # windows to be painted anew
        self._soon = QTimer(self, singleShot=True, interval=PAINT_MS)
        self._soon.timeout.connect(self._paint)
        scans.changed.connect(self._paint)
        scans.grew.connect(self._on_grew)
        self.making = False  # regions are being made

    def _on_grew(self, places: np.ndarray) -> None:
        self._new.append(places)
        if not self._soon.isActive():
            self._soon.start()

    def _paint(self) -> None:
        self._soon.stop()
        new, self._new = self._new, []
        found, look, layer = self._scans.map, self._scans.look, self._canvas.scene.slide_scan
        layer.opacity, layer.smooth = look.opacity, look.smooth
        slide = self._document.slide
        if slide is not None:  # windows at its edge lie off it in part
            layer.clip = (0.0, 0.0, float(slide.width), float(slide.height))
        if found is None or not look.visible:
            self._of = None
            layer.set_picture(None, (0.0, 0.0, 0.0, 0.0))
        else:
            self._fill(found, look, new)
            head = found.head
            right, bottom = (float(n * head.step) for n in (head.columns, head.rows))
            layer.set_numbers(self._numbers, found.colours(look), (0.0, 0.0, right, bottom))
        self._canvas.update()
        self.painted.emit()

    def _fill(self, found: ScanMap, look: ScanLook, new: list[np.ndarray]) -> None:
        """Number the windows' colours, all of them only where it must be."""
        of = (found, look.target, look.threshold)
        if self._of != of:
            self._of = of
            shape = found.head.rows, found.head.columns
            self._numbers = np.ascontiguousarray(found.picture(look).reshape(shape))
        elif new:
            places = np.concatenate(new)
            self._numbers.reshape(-1)[places] = found.picture(look, places)

    def make_regions(self) -> None:
        """A region for each connected part of a class that is shown and sure."""
        found, look, slide = self._scans.map, self._scans.look, self._document.slide
        if found is None or self.making:
            return
        self.making = True

        def work() -> list[Roi]:
            return [
                replace(roi, color=info.color)
                for info, boxes in found.chosen(look)
                for roi in regions_of_boxes(boxes, _region_name(info.name, look))
            ]

        def made(rois: list[Roi]) -> None:
            self.making = False
            if self._document.slide is not slide:
                return
            if not rois:
                text = tr("No window is sure and shown; lower the threshold to make regions.")
                self._messages.info(text)
            elif len(rois) > MOST_REGIONS:
                text = tr("{count} separate areas are shown; raise the threshold to make regions.")
                self._messages.warn(text.format(count=formats.whole(len(rois))))
            else:
                self._document.add(rois, tr("Make regions"))
                text = tr("Made {regions}. Undo (Ctrl+Z) takes them away.")
                self._messages.info(text.format(regions=formats.regions(len(rois))))

        def failed(error: BaseException) -> None:
            self.making = False
            self._messages.report(error)

        self._background.run(work, made, failed)


def _region_name(name: str, look: ScanLook) -> str:
    return name if not look.threshold else f"{name} ≥ {formats.value(look.threshold / STEPS)}"
