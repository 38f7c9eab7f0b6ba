"""Shows what counts as tissue where a whole slide is read, and has it corrected by regions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ssmamba.reading.values import PackedArray
from ssmamba.rois.roi import Roi
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Controller, Shared
from viewer.controllers.slide_scans import SlideScanController
from viewer.state.slide_scan import ScanMap
from viewer.state.tissue_correction import Correction
from viewer.text import formats
from viewer.text.tr import tr

# RGBA over glass, tissue, pen and padding: what is tissue keeps its own colours
SHADES = ((48, 72, 120, 84), (0, 0, 0, 0), (150, 90, 30, 96), (48, 72, 120, 84))


class ScanTissueController(Controller):
    """Follows the scan of the open slide."""

    def __init__(self, shared: Shared, canvas: SlideCanvas, scans: SlideScanController) -> None:
        super().__init__(shared)
        self._canvas, self._controller, self._scans = canvas, scans, scans.scans
        self._painted: PackedArray | None = None
        self._scans.changed.connect(self._paint)
        scans.corrected.connect(self._on_corrected)

    def count(self, roi_ids: Iterable[str]) -> None:
        """Read these regions too, whatever was found there."""
        self._correct(self._controller.correction.counting(self._rois(roi_ids)))

    def leave_out(self, roi_ids: Iterable[str]) -> None:
        """Do not read these regions; what was read there is neither shown nor counted."""
        self._correct(self._controller.correction.leaving_out(self._rois(roi_ids)))

    def take_back(self) -> None:
        """Read what was found to be tissue, and nothing else."""
        self._correct(Correction())

    def _rois(self, roi_ids: Iterable[str]) -> list[Roi]:
        return [roi for roi_id in roi_ids if (roi := self._document.roi(roi_id)) is not None]

    def _correct(self, correction: Correction) -> None:
        found, scans = self._scans.map, self._controller
        if found is None:
            return
        if correction == scans.correction:
            self._messages.info(
                tr("Nothing changes; choose a region with an area that does not count so yet.")
            )
        elif self._scans.outdated:
            self._messages.warn(tr("The scale was changed since. Read the slide again first."))
        elif not scans.correct(correction):
            text = tr("Add the model {name} to the list first; it reads what counts as tissue.")
            self._messages.warn(text.format(name=found.head.model_name))

    def _on_corrected(self, before: ScanMap, after: ScanMap) -> None:
        more = int((after.wanted & ~before.wanted).sum())
        fewer = int((before.wanted & ~after.wanted).sum())
        if more or fewer:
            text = tr("The tissue is corrected: {more} to be read in addition, {fewer} left out.")
            words = (formats.windows(number) for number in (more, fewer))
            self._messages.info(text.format(**dict(zip(("more", "fewer"), words, strict=True))))
        else:
            text = tr("No window changes: a region must cover or leave enough of one to count.")
            self._messages.info(text)

    def _paint(self) -> None:
        found, layer, slide = self._scans.map, self._canvas.scene.tissue, self._document.slide
        tissue = None if found is None or not self._scans.look.tissue else found.head.tissue
        if tissue is self._painted:
            return
        self._painted = tissue
        if found is None or tissue is None or slide is None:
            layer.set_picture(None, (0.0, 0.0, 0.0, 0.0))
        else:
            layer.clip = (0.0, 0.0, float(slide.width), float(slide.height))
            rows, columns = tissue.shape
            scale = found.head.tissue_scale
            colours = np.zeros((256, 4), np.uint8)
            colours[: len(SHADES)] = SHADES
            layer.set_numbers(
                tissue.array.copy(), colours, (0.0, 0.0, columns * scale, rows * scale)
            )
        self._canvas.update()
