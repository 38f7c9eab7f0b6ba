"""The comparison: its settings, and below them either all maps or two of them at one place."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from viewer.canvas import SlideCanvas
from viewer.compare.cell import CompareCell
from viewer.compare.linking import LinkedViews
from viewer.compare.matrix import MatrixView
from viewer.compare.pair import PairView
from viewer.compare.strip import CompareStrip
from viewer.controllers.comparing import ComparisonController
from viewer.controllers.map_painter import PaintedMap
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.state.settings import MapSpec
from viewer.widgets.layouts import column


class CompareGrid(QWidget):
    """Cells with linked views: moving one moves all."""

    roi_clicked = Signal(object)  # id or None
    opened_changed = Signal()

    def __init__(
        self, document: Document, library: ModelLibrary, source: SlideCanvas,
        comparing: ComparisonController,
    ) -> None:  # fmt: skip
        super().__init__()
        self._document = document
        self._library = library
        self._comparing = comparing
        self.state = comparing.state
        self._had_several = False  # models in use: the comparison opens with the second
        self.opened = False
        self.enlarged = False  # fills the middle of the window
        self.links = LinkedViews(document, source, self)
        self.matrix = MatrixView(document, library, source, comparing, self.links)
        self.matrix.sync()
        self.pair = PairView(document, source, comparing, self.links)
        self.strip = CompareStrip(self.state, document)
        self._shown = QStackedWidget()
        self._shown.addWidget(self.matrix)
        self._shown.addWidget(self.pair)
        column(self, self.strip, self._shown, wide=self._shown, margin=0, spacing=0)
        self.setVisible(False)
        for view in (self.matrix, self.pair):
            view.roi_clicked.connect(self.roi_clicked)
        self.strip.enlarge_requested.connect(lambda: self.set_enlarged(not self.enlarged))
        self._listen()
        self._show_slide_settings()
        self._sync()

    def _listen(self) -> None:
        document, matrix = self._document, self.matrix
        self.state.changed.connect(self._sync)
        self._library.changed.connect(self._on_models)
        self._library.shown_changed.connect(matrix.show_answers)
        document.rois_changed.connect(matrix.show_rois)
        document.selection_changed.connect(self._on_selected)
        document.slide_changed.connect(matrix.fit_soon)
        document.slide_settings_changed.connect(self._show_slide_settings)
        document.map_painting_changed.connect(self._show_painting)
        document.results_changed.connect(matrix.answers_soon)
        document.slide_settings_changed.connect(matrix.answers_soon)
        self._comparing.counted.connect(matrix.show_numbers)

    # --- opening
    def set_opened(self, opened: bool) -> None:
        if opened != self.opened:
            self.opened = opened
            self.setVisible(opened)
            self.state.set_opened(opened)
            self.opened_changed.emit()

    def set_enlarged(self, enlarged: bool) -> None:
        """Let it fill the middle of the window, or stand below the slide."""
        self.enlarged = enlarged
        self.strip.enlarge.setChecked(enlarged)
        self.opened_changed.emit()

    def _on_models(self) -> None:
        several = len(self._library.in_use) > 1
        if several and not self._had_several:
            self.set_opened(True)
        self._had_several = several
        self.matrix.sync()

    # --- following
    @property
    def follows_slide(self) -> bool:
        return self.links.follows_slide

    def set_follow_slide(self, follow: bool) -> None:
        """Link the cells to the slide's own view as well."""
        self.links.set_follow_slide(follow)
        if not follow:
            self.matrix.fit_soon()

    def _sync(self) -> None:
        self.matrix.sync()
        self._shown.setCurrentWidget(self.matrix if self.state.choice.look == "grid" else self.pair)
        self.pair.sync()
        self._show_painting()

    def _on_selected(self) -> None:
        if self._document.selected is not None:
            self.matrix.fit_soon()
        self.matrix.show_rois()

    def show_maps(self, maps: list[PaintedMap]) -> None:
        self.matrix.show_maps(maps)
        self.pair.show_maps(maps)
        self._show_shared(maps)

    def _show_shared(self, maps: list[PaintedMap]) -> None:
        """One legend for all maps while they share a scale."""
        selected, look = self._document.selected, self._document.map_painting
        mine = [m for m in maps if selected is not None and m.roi_id == selected.id]
        shown = look.scale == "shared" and bool(mine)
        if shown:
            self.strip.scale.show_range(mine[-1].low, mine[-1].high, look.colormap)
        self.strip.scale.setVisible(shown)

    def _show_painting(self) -> None:
        self.matrix.show_opacity()
        self.pair.canvas.set_overlay_opacity(self._document.map_painting.opacity)

    def _show_slide_settings(self) -> None:
        self.matrix.show_slide_settings()
        self.pair.show_slide_settings()

    # --- state
    @property
    def cells(self) -> dict[MapSpec | None, CompareCell]:
        """The cells of the page by their maps; None: the original."""
        return self.matrix.cells

    @property
    def settled(self) -> bool:
        shown = self._shown.currentWidget()
        return self.matrix.settled if shown is self.matrix else self.pair.settled

    @property
    def busy(self) -> bool:
        return self.matrix.busy or self._comparing.busy
