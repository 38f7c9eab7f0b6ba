"""The comparison: the original and one evidence map for each model in use, all linked."""

from __future__ import annotations

import math

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.canvas import SlideCanvas, ViewState
from viewer.compare.captions import caption, original_caption
from viewer.compare.cell import CompareCell
from viewer.controllers.map_painter import PaintedMap
from viewer.state.document import Document
from viewer.state.library import ModelLibrary, names_beside
from viewer.state.settings import MapSpec
from viewer.text.tr import tr

MOST_MAPS = 8
ORIGINAL = None  # key of the cell without a map
FIT_MARGIN = 0.12


class CompareGrid(QWidget):
    """Cells with linked views: moving one moves all."""

    roi_clicked = Signal(object)  # id or None
    opened_changed = Signal()

    def __init__(self, document: Document, library: ModelLibrary, source: SlideCanvas) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._source = source
        self._linking = False
        self._had_several = False  # models in use: the comparison opens with the second
        self.opened = False
        self.follows_slide = False
        self._maps: list[PaintedMap] = []
        self.cells: dict[MapSpec | None, CompareCell] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(1)
        self._columns = 0
        self._fit_soon = QTimer(self, singleShot=True, interval=0)
        self._fit_soon.timeout.connect(self._fit)
        self.setVisible(False)
        source.view_changed.connect(self._on_slide_moved)
        library.changed.connect(self._sync_cells)
        library.shown_changed.connect(self._show_answers)
        document.rois_changed.connect(self._show_rois)
        document.selection_changed.connect(self._on_selected)
        document.slide_changed.connect(self._fit_soon.start)
        document.slide_settings_changed.connect(self._show_slide_settings)
        document.maps.changed.connect(self._sync_cells)
        document.map_painting_changed.connect(self._show_opacity)
        document.results_changed.connect(self._show_answers)
        document.slide_settings_changed.connect(self._show_answers)
        self._sync_cells()

    def set_opened(self, opened: bool) -> None:
        if opened != self.opened:
            self.opened = opened
            self.setVisible(opened)
            self.opened_changed.emit()

    # --- cells
    def _sync_cells(self) -> None:
        """One cell for each map in view; existing cells are reused, in order."""
        before = list(self.cells.values())
        specs = [ORIGINAL, *self._document.maps.specs[:MOST_MAPS]]
        made = [self._make_cell() for _ in specs[len(before) :]]
        cells = [*before, *made]
        self.cells = dict(zip(specs, cells, strict=False))
        for cell in cells[len(specs) :]:
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        if len(self.cells) != len(before):
            self._columns = 0
            self._arrange()
            self._show_rois()
            self._show_opacity()
            self._show_slide_settings()
            self._fit_soon.start()
        self.show_maps(self._maps)
        self._show_titles()
        self._show_answers()
        several = len(self._library.in_use) > 1
        if several and not self._had_several:
            self.set_opened(True)
        self._had_several = several

    def _show_titles(self) -> None:
        """Title each cell with what distinguishes its model in this grid."""
        paths = dict.fromkeys(spec.checkpoint for spec in self.cells if spec is not None)
        models = [model for path in paths if (model := self._library.get(path)) is not None]
        names = dict(zip((m.path for m in models), names_beside(models), strict=True))
        for spec, cell in self.cells.items():
            cell.set_title(tr("Original") if spec is None else names.get(spec.checkpoint, ""))

    def _make_cell(self) -> CompareCell:
        cell = CompareCell(self._source)
        cell.looked.connect(lambda state, cell=cell: self._on_moved(cell, state))
        cell.canvas.roi_clicked.connect(self.roi_clicked)
        return cell

    def _arrange(self) -> None:
        """Choose the number of columns that makes the cells most nearly square."""
        count = len(self.cells)
        columns = best_columns(count, max(1, self.width()), max(1, self.height()))
        if columns == self._columns:
            return
        self._columns = columns
        for at in range(max(count, 9)):
            self._grid.setColumnStretch(at, int(at < columns))
            self._grid.setRowStretch(at, int(at < math.ceil(count / columns)))
        for at, cell in enumerate(self.cells.values()):
            self._grid.addWidget(cell, at // columns, at % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._fit_soon.start()

    # --- looking
    def set_follow_slide(self, follow: bool) -> None:
        """Link the cells to the slide's own view as well."""
        self.follows_slide = follow
        if follow:
            self._on_slide_moved(self._source.view_state())
        else:
            self._fit_soon.start()

    def _on_moved(self, mover: CompareCell, state: ViewState) -> None:
        if self._linking or not self.isVisible():
            return
        self._link(state, besides=mover)
        if self.follows_slide:
            self._linking = True
            self._source.set_view_state(state)
            self._linking = False

    def _on_slide_moved(self, state: ViewState) -> None:
        if self.follows_slide and not self._linking:
            self._link(state)

    def _link(self, state: ViewState, besides: CompareCell | None = None) -> None:
        self._linking = True
        for cell in self.cells.values():
            if cell is not besides:
                cell.canvas.set_view_state(state)
        self._linking = False

    def _fit(self) -> None:
        """Show the selected region, else the whole slide, in every cell."""
        if self._document.slide is None or self.follows_slide or not self.isVisible():
            return
        first = self.cells[ORIGINAL].canvas
        self._linking = True
        roi = self._document.selected
        if roi is None:
            first.camera.fit()
        else:
            first.camera.fit_rect(roi.bounds, margin=FIT_MARGIN)
        self._linking = False
        self._link(first.view_state(), besides=self.cells[ORIGINAL])

    def showEvent(self, event: object) -> None:
        self._fit_soon.start()

    # --- contents
    def _on_selected(self) -> None:
        if self._document.selected is not None:
            self._fit_soon.start()
        self._show_rois()

    def _show_rois(self) -> None:
        """The selected region and those with a map; regions are not edited in cells."""
        selected = self._document.selected
        ids = dict.fromkeys(self._document.results.mapped_regions())
        if selected is not None:
            ids[selected.id] = None
        rois = [roi for i in ids if (roi := self._document.roi(i)) is not None]
        for cell in self.cells.values():
            cell.canvas.set_rois(rois)
        self._show_answers()

    def show_maps(self, maps: list[PaintedMap]) -> None:
        self._maps = maps
        for spec, cell in self.cells.items():
            cell.canvas.set_overlays([m.overlay for m in maps if m.spec == spec])

    def _show_opacity(self) -> None:
        for cell in self.cells.values():
            cell.canvas.set_overlay_opacity(self._document.map_painting.opacity)

    def _show_slide_settings(self) -> None:
        for cell in self.cells.values():
            cell.canvas.set_mpp(self._document.slide_settings.mpp)
            cell.canvas.set_icc_enabled(self._document.slide_settings.icc)

    def _show_answers(self, *_: object) -> None:
        for spec, cell in self.cells.items():
            if spec is None:
                cell.set_caption(original_caption(self._document))
            elif (model := self._library.get(spec.checkpoint)) is not None:
                cell.set_caption(caption(self._document, self._library.shown, spec, model))

    @property
    def settled(self) -> bool:
        return all(cell.canvas.is_settled() for cell in self.cells.values())

    @property
    def busy(self) -> bool:
        return self._fit_soon.isActive()


def best_columns(count: int, width: int, height: int) -> int:
    """Columns for ``count`` cells in this area: those with the largest shorter side."""
    return max(
        range(1, count + 1),
        key=lambda columns: min(width / columns, height / math.ceil(count / columns)),
    )
