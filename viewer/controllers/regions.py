"""Connects the regions of the canvas, the document and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Signal

from ssmamba.errors import RoiError
from ssmamba.rois.clipping import cut_to_slide
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Controller, Shared
from viewer.saving.contents import measured
from viewer.state.document import free_names
from viewer.text import formats
from viewer.text.tr import tr, tr_n, translated


class RegionController(Controller):
    """Adds drawn regions to the document and shows the document's regions on the canvas."""

    imported = Signal(int)
    import_failed = Signal(str)
    progressed = Signal(str, int, int)  # as AnalysisController.activity_changed; "" = finished

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        document = shared.document
        self._canvas = canvas
        self._classes = shared.classes
        self._reading = 0  # files
        canvas.roi_drawn.connect(self._on_drawn)
        canvas.rois_edited.connect(self._on_edited)
        canvas.roi_clicked.connect(document.select)
        canvas.roi_toggled.connect(document.toggle)
        canvas.rois_picked.connect(self._on_picked)
        canvas.rois_delete_requested.connect(self.delete)
        document.rois_changed.connect(self._show)
        document.selection_changed.connect(self._show_selected)
        shared.classes.changed.connect(self._show_drawn)

    def _on_drawn(self, roi: Roi) -> None:
        self._add_drawn(roi, tr("Draw region"))

    def add_whole_image(self) -> None:
        """A region over the whole slide, selected."""
        info = self._document.slide
        if info is not None:
            width, height = float(info.width), float(info.height)
            ring = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
            name = tr("Whole image")
            taken = any(roi.name == name for roi in self._document.rois)
            roi = Roi(((ring,),), kind="rectangle", name="" if taken else name)
            self._add_drawn(roi, tr("Add whole image"))

    def _add_drawn(self, roi: Roi, text: str) -> None:
        """Add a region, cut to the slide, and select it."""
        cut = self._cut(roi)
        if cut is not None:
            named = self._document.named(self._with_class(cut))
            self._document.add([named], text)
            self._document.select(named.id)

    def _with_class(self, roi: Roi) -> Roi:
        """A new region, with the class that was chosen for new ones unless it has one."""
        chosen = self._classes.drawn
        if chosen is None or roi.class_name:
            return roi
        return roi.classified(chosen.name, chosen.color)

    def _cut(self, roi: Roi) -> Roi | None:
        info = self._document.slide
        return roi if info is None else cut_to_slide(roi, info.width, info.height)

    def _on_edited(self, rois: Sequence[Roi]) -> None:
        """Take new outlines; a region that was dragged off the slide stays as it was."""
        edited = []
        for roi in rois:
            old, cut = self._document.roi(roi.id), self._cut(roi)
            if old is not None and not old.locked and cut is not None and self._is_on(cut):
                edited.append(replace(old, polygons=cut.polygons, kind=cut.kind))
        text = tr("Edit region") if len(rois) == 1 else tr("Move regions")
        self._document.change_many(edited, text)
        if len(edited) < len(rois):
            self._show()

    def _is_on(self, roi: Roi) -> bool:
        """Whether any of a region is on the slide."""
        info = self._document.slide
        return info is None or is_on(roi, info)

    def _on_picked(self, roi_ids: Sequence[str]) -> None:
        """Select more regions, those that a box holds."""
        document = self._document
        document.choose([*(roi.id for roi in document.chosen), *roi_ids])

    def delete(self, roi_ids: Sequence[str]) -> None:
        """Delete regions; locked ones stay, which is said."""
        left = len(roi_ids) - self._document.remove(roi_ids)
        if left == 1:
            self._messages.info(tr("This region is locked. Unlock it in the list to delete it."))
        elif left:
            text = tr("{count} regions are locked. Unlock them in the list to delete them.")
            self._messages.info(text.format(count=left))

    def _show(self) -> None:
        self._canvas.set_rois(self._document.rois)

    def _show_selected(self) -> None:
        roi = self._document.selected
        chosen = [chosen.id for chosen in self._document.chosen]
        self._canvas.set_selected(None if roi is None else roi.id, chosen)

    def _show_drawn(self) -> None:
        chosen = self._classes.drawn
        self._canvas.scene.drawn_color = None if chosen is None else chosen.color

    def focus(self, roi_id: str) -> None:
        """Bring a region into view."""
        roi = self._document.roi(roi_id)
        if roi is not None:
            self._canvas.camera.fit_rect(roi.bounds, margin=0.6)

    def bring_into_view(self, roi_id: str) -> None:
        """Move the view only if a region is not seen, and zoom only if it does not fit."""
        roi, camera = self._document.roi(roi_id), self._canvas.camera
        if roi is None:
            return
        view = camera.view
        box = view.screen_rect_f(roi.bounds)
        fits_across = box.left() >= 0 and box.right() <= view.width
        if fits_across and box.top() >= 0 and box.bottom() <= view.height:
            return
        if box.width() <= view.width and box.height() <= view.height:
            x0, y0, x1, y1 = roi.bounds
            camera.move_to((x0 + x1) / 2, (y0 + y1) / 2)
        else:
            self.focus(roi_id)

    # --- files
    def import_file(self, path: str, *, from_corner: bool = False) -> None:
        """Read a region file on a worker and add its regions.

        from_corner: its places count from the corner of the whole slide, as HALO's and ASAP's do.
        """
        info = self._document.slide
        if info is None:
            advice = tr("No slide is open. Open one, then import its regions.")
            self._messages.warn(advice)
            self.import_failed.emit(advice)
            return
        known = {roi.id: roi for roi in self._document.rois}
        reading = tr("Reading {name}").format(name=Path(path).name)
        self._reading += 1
        self.progressed.emit(reading, 0, 0)

        def progress(count: int) -> None:
            self.progressed.emit(f"{reading}, {formats.regions(count)}", 0, 0)

        self._background.run(
            lambda: read_for_slide(path, info, known, progress, from_corner=from_corner),
            lambda found: self._on_imported(info, found),
            self._on_import_failed,
        )

    def _end_reading(self) -> None:
        self._reading -= 1
        if not self._reading:
            self.progressed.emit("", 0, 0)

    def _on_imported(self, info: SlideInfo, found: Found) -> None:
        self._end_reading()
        if self._document.slide is not info:
            return
        if found.new:
            regions = formats.regions(len(found.new))
            self._document.put(found.new, tr("Import {regions}").format(regions=regions))
        for note in found.notes:
            self._messages.warn(note)
        if found.changed:
            text = tr("Replaced by the file: {regions} that had changed here. Undo restores them.")
            self._messages.info(text.format(regions=formats.regions(found.changed)))
        elif found.known:
            text = tr("Already here: {regions} of this file. Nothing was added twice.")
            self._messages.info(text.format(regions=formats.regions(found.known)))
        if found.off:
            text = tr_n(
                "{count} imported region outside this slide. Check that the file belongs to it.",
                "{count} imported regions outside this slide. Check that the file belongs to it.",
                found.off,
            )
            self._messages.warn(text.format(count=formats.whole(found.off)))
        self._document.select(found.rois[0].id)
        self.imported.emit(len(found.rois))

    def _on_import_failed(self, error: BaseException) -> None:
        self._end_reading()
        self._messages.report(error)
        self.import_failed.emit(translated(str(error)))


@dataclass(frozen=True)
class Found:
    """What a region file holds for a slide."""

    rois: list[Roi]
    new: dict[str, Roi]  # of them, those that the document lacks or has otherwise, by id
    known: int  # of them, in the document, changed or not
    off: int  # of them, outside the slide
    notes: tuple[str, ...]  # about features that were skipped or not understood

    @property
    def changed(self) -> int:
        """Regions that the document has otherwise than the file."""
        return self.known - (len(self.rois) - len(self.new))


def read_for_slide(
    path: str,
    info: SlideInfo,
    known: Mapping[str, Roi],
    progress: Callable[[int], object] = lambda _: None,
    *,
    from_corner: bool = False,
) -> Found:
    """Read a region file on a worker: all regions, named.

    known: the document's regions by id. Ids are the same at every reading, so a region of the file
    replaces the one that an earlier import of it brought. progress: as ``read_regions``'s.
    Raises RoiError, also for a file without regions.
    """
    from ssmamba.rois.geojson import rois_to_geojson, with_own_id
    from ssmamba.rois.reading import read_regions

    file = read_regions(path, (0, 0) if from_corner else info.bounds_offset, progress)
    whole = [with_own_id(roi) for roi in file.rois]
    read = [cut_to_slide(roi, info.width, info.height) or roi for roi in whole]
    names = {roi_id: roi.name for roi_id, roi in known.items()}
    free = free_names({*names.values(), *(roi.name for roi in read)})
    rois = [roi if roi.name else replace(roi, name=names.get(roi.id) or next(free)) for roi in read]
    if not rois:
        raise RoiError(tr("No regions in {path}. Choose another file.").format(path=path))
    measured(rois)
    there = {roi.id: known[roi.id] for roi in rois if roi.id in known}
    same = {
        roi.id
        for roi in rois
        if roi.id in there and rois_to_geojson([roi]) == rois_to_geojson([there[roi.id]])
    }
    new = {roi.id: roi for roi in rois if roi.id not in same}
    off = sum(not is_on(roi, info) for roi in rois)
    return Found(rois, new, len(there), off, file.notes)


def is_on(roi: Roi, info: SlideInfo) -> bool:
    """Whether any of a region is on a slide."""
    left, top, right, bottom = roi.bounds
    return right > 0 and bottom > 0 and left < info.width and top < info.height
