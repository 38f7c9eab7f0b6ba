"""Regions between the canvas, the document and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from PySide6.QtCore import Signal

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Controller, Shared
from viewer.text import formats


class RegionController(Controller):
    """What is drawn reaches the document; what the document holds reaches the canvas."""

    imported = Signal(int)
    import_failed = Signal(str)

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        document = shared.document
        self._canvas = canvas
        canvas.roi_drawn.connect(self._on_drawn)
        canvas.roi_edited.connect(self._on_edited)
        canvas.roi_clicked.connect(document.select)
        canvas.roi_delete_requested.connect(self._on_delete)
        document.rois_changed.connect(self._show)
        document.selection_changed.connect(self._show_selected)

    def _on_drawn(self, roi: Roi) -> None:
        named = self._document.named(roi)
        self._document.add([named], "Draw region")
        self._document.select(named.id)

    def _on_edited(self, roi: Roi) -> None:
        old = self._document.roi(roi.id)
        if old is not None and not old.locked:
            self._document.change(replace(old, polygons=roi.polygons, kind=roi.kind), "Edit region")

    def _on_delete(self, roi_id: str) -> None:
        if not self._document.remove([roi_id]):
            self._messages.info("This region is locked; unlock it in the list to delete it.")

    def _show(self) -> None:
        self._canvas.set_rois(self._document.rois)

    def _show_selected(self) -> None:
        roi = self._document.selected
        self._canvas.set_selected(None if roi is None else roi.id)

    def focus(self, roi_id: str) -> None:
        """Bring a region into view."""
        roi = self._document.roi(roi_id)
        if roi is not None:
            self._canvas.camera.fit_rect(roi.bounds, margin=0.6)

    # --- files
    def import_file(self, path: str) -> None:
        """Read a GeoJSON file on a worker and add its regions."""
        info = self._document.slide
        if info is None:
            advice = "Open a slide first, then import its regions."
            self._messages.warn(advice)
            self.import_failed.emit(advice)
            return
        known = {roi.id: roi.name for roi in self._document.rois}
        self._background.run(
            lambda: read_for_slide(path, info, known),
            lambda found: self._on_imported(info, *found),
            self._on_import_failed,
        )

    def _on_imported(self, info: SlideInfo, rois: list[Roi], off: int) -> None:
        if self._document.slide is not info:
            return
        self._document.add(rois, f"Import {formats.count(len(rois), 'region')}")
        if off:
            self._messages.warn(
                f"{formats.count(off, 'imported region')} off this slide; check that the file "
                "belongs to it."
            )
        self._document.select(rois[0].id)
        self.imported.emit(len(rois))

    def _on_import_failed(self, error: BaseException) -> None:
        self._messages.report(error)
        self.import_failed.emit(str(error))

    def export_file(self, path: str, info: SlideInfo, rois: Sequence[Roi]) -> None:
        """Write a slide's regions as QuPath's GeoJSON on a worker."""

        def work() -> None:
            from ssmamba.rois.geojson import write_rois

            write_rois(path, rois, info.bounds_offset)

        self._background.run(
            work,
            lambda _: self._messages.info(
                f"{formats.count(len(rois), 'region')} written to {path}."
            ),
            due=True,
        )


def read_for_slide(path: str, info: SlideInfo, known: Mapping[str, str]) -> tuple[list[Roi], int]:
    """Read a region file on a worker: all regions named, and how many lie off the slide.

    known: names by id of regions that are there; the file's region with the same id replaces one,
    if the id is a UUID: "0" is in every file of geopandas.
    Raises RoiError, also for a file without regions.
    """
    from ssmamba.rois.geojson import read_rois, with_own_id

    read = [with_own_id(roi) for roi in read_rois(path, info.bounds_offset)]
    taken = {*known.values(), *(roi.name for roi in read)}
    free = (name for at in count(1) if (name := f"Region {at}") not in taken)
    rois = [roi if roi.name else replace(roi, name=known.get(roi.id) or next(free)) for roi in read]
    if not rois:
        raise RoiError(f"{path} holds no regions; choose another file.")
    return rois, sum(not _is_on(roi, info) for roi in rois)


def _is_on(roi: Roi, info: SlideInfo) -> bool:
    left, top, right, bottom = roi.bounds
    return right > 0 and bottom > 0 and left < info.width and top < info.height
