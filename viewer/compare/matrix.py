"""The cells of the comparison: the original, and one evidence map for each model and column."""

from __future__ import annotations

import math

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from ssmamba.explain.compared import Places
from viewer.canvas import SlideCanvas
from viewer.compare.captions import Caption, caption, numbers_spoken, numbers_text, original_caption
from viewer.compare.cell import CompareCell
from viewer.compare.headings import COLUMN_PX, ROW_PX, SLIM_ROW_PX, ColumnHeading, RowHeading
from viewer.compare.linking import LinkedViews
from viewer.controllers.comparing import ComparisonController
from viewer.controllers.map_painter import PaintedMap
from viewer.state.comparison import MOST_MODELS
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary, names_beside
from viewer.state.matrix import OWN
from viewer.state.settings import MapSpec
from viewer.text.tr import tr

ORIGINAL = None  # key of the cell without a map
LEAST_WIDE, LEAST_HIGH = 150, 132  # of a cell in a matrix
NARROW_PX = 900  # in a narrower comparison the models' names have less room


class MatrixView(QWidget):
    """One page of cells; they are reused, in order."""

    roi_clicked = Signal(object)  # id or None

    def __init__(
        self, document: Document, library: ModelLibrary, source: SlideCanvas,
        comparing: ComparisonController, links: LinkedViews,
    ) -> None:  # fmt: skip
        super().__init__()
        self._document = document
        self._library = library
        self._source = source
        self._comparing = comparing
        self._state = comparing.state
        self._links = links
        self._maps: list[PaintedMap] = []
        self._places: dict[MapSpec, Places] = {}
        self.cells: dict[MapSpec | None, CompareCell] = {}
        self._rows: list[RowHeading] = []
        self._heads: list[ColumnHeading] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(1)
        self._shape: object = None  # of the arrangement
        self._fit_soon = QTimer(self, singleShot=True, interval=0)
        self._fit_soon.timeout.connect(self.fit)
        self._answers_soon = QTimer(self, singleShot=True, interval=0)  # results come in numbers
        self._answers_soon.timeout.connect(self.show_answers)
        links.pointed.connect(self._on_pointed)

    @property
    def leader(self) -> CompareCell:
        """The cell whose size a region is fitted into: a map's, as all maps are equally large."""
        return next((cell for spec, cell in self.cells.items() if spec), self.cells[ORIGINAL])

    # --- cells
    def sync(self) -> None:
        """One cell for each map of the page."""
        before = list(self.cells.values())
        specs = [ORIGINAL, *dict.fromkeys(self._state.page_specs)]
        cells = before + [self._make_cell() for _ in specs[len(before) :]]
        self.cells = dict(zip(specs, cells, strict=False))
        self.cells[ORIGINAL].canvas.scene.has_compass = True
        for cell in cells[len(specs) :]:
            self._links.remove(cell.canvas)
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        if len(self.cells) != len(before):
            self._shape = None
            self.show_rois()
            self.show_opacity()
            self.show_slide_settings()
        self._arrange()
        self.show_maps(self._maps)
        if self._state.choice.axis == "models":
            self._show_titles()  # a matrix has new ones with its answers
        self.show_answers()

    def _make_cell(self) -> CompareCell:
        cell = CompareCell(self._source)
        self._links.add(cell.canvas)
        cell.canvas.roi_clicked.connect(self.roi_clicked)
        cell.chosen.connect(lambda letter, cell=cell: self._on_chosen(cell, letter))
        return cell

    def _on_chosen(self, cell: CompareCell, letter: str) -> None:
        spec = next((s for s, c in self.cells.items() if c is cell), None)
        if spec is not None:
            self._state.set_pair(**{letter: spec})

    def _arrange(self) -> None:
        is_matrix = self._state.choice.axis != "models"
        width, height = max(1, self.width()), max(1, self.height())
        if is_matrix:
            room = (
                (height - COLUMN_PX) // LEAST_HIGH,
                (width - (SLIM_ROW_PX if width < NARROW_PX else ROW_PX)) // LEAST_WIDE - 1,
            )
        else:
            room = MOST_MODELS, 1
        self._state.set_room(*room)
        page = self._state.page
        for heading in self._rows:
            heading.set_slim(width < NARROW_PX)
        if is_matrix:
            shape: object = (len(page.models), len(page.columns))
        else:
            shape = best_columns(len(self.cells), width, height)
        if shape == self._shape:
            return
        self._shape = shape
        for widget in (*self._rows, *self._heads, *self.cells.values()):
            self._grid.removeWidget(widget)
        for at in range(max(self._grid.columnCount(), self._grid.rowCount())):
            self._grid.setColumnStretch(at, 0)
            self._grid.setRowStretch(at, 0)
        for spec, cell in self.cells.items():
            cell.set_header_shown(not is_matrix)
            cell.set_has_map(spec is not ORIGINAL)
        if is_matrix:
            self._arrange_matrix(len(page.models), len(page.columns))
        else:
            self._arrange_flow(best_columns(len(self.cells), width, height))
        self._refit()

    def _refit(self) -> None:
        """After a change of size: what the user has moved to stays."""
        if not self._links.moved:
            self._fit_soon.start()

    def _arrange_flow(self, columns: int) -> None:
        """In the number of columns that makes the cells most nearly square."""
        self._show_headings(0, 0)
        for at, cell in enumerate(self.cells.values()):
            self._grid.addWidget(cell, at // columns, at % columns)
            self._grid.setColumnStretch(at % columns, 1)
            self._grid.setRowStretch(at // columns, 1)

    def _arrange_matrix(self, rows: int, columns: int) -> None:
        """The original at the left, over all rows; then the models' names, then their maps."""
        self._show_headings(rows, columns + 1)
        original, *maps = self.cells.values()
        self._grid.addWidget(self._heads[0], 0, 0)
        self._grid.addWidget(original, 1, 0, max(rows, 1), 1)
        self._grid.setColumnStretch(0, 1)
        for at in range(rows):
            self._grid.addWidget(self._rows[at], at + 1, 1)
            self._grid.setRowStretch(at + 1, 1)
        for at in range(columns):
            self._grid.addWidget(self._heads[at + 1], 0, at + 2)
            self._grid.setColumnStretch(at + 2, 1)
        for at, cell in enumerate(maps):
            self._grid.addWidget(cell, at // columns + 1, at % columns + 2)

    def _show_headings(self, rows: int, columns: int) -> None:
        while len(self._rows) < rows:
            self._rows.append(RowHeading())
            self._rows[-1].set_slim(self.width() < NARROW_PX)
        while len(self._heads) < columns:
            self._heads.append(ColumnHeading())
        for headings, count in ((self._rows, rows), (self._heads, columns)):
            for at, heading in enumerate(headings):
                heading.setParent(self)
                heading.setVisible(at < count)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.cells:
            self._arrange()
            self._refit()

    def showEvent(self, event: object) -> None:
        self._refit()

    def fit_soon(self) -> None:
        self._fit_soon.start()

    def fit(self) -> None:
        """Show the selected region, else the whole slide, in every cell."""
        if self._document.slide is not None and not self._links.follows_slide and self.isVisible():
            self._links.fit(self.leader.canvas)

    # --- texts
    def _show_titles(self) -> None:
        """Title each model with what distinguishes it from all that are compared."""
        names = self._names()
        page = self._state.page
        titles = {column.key: column.title for column in page.columns}
        for spec, cell in self.cells.items():
            column = None if spec is None else self._state.column_of(spec)
            parts = [] if spec is None else [names.get(spec.checkpoint, "")]
            if column is not None and column.key in titles and column.title:
                parts.append(column.title)
            cell.set_title(" · ".join(parts) if spec else tr("Original"))
        if self._state.choice.axis == "models":
            return
        for heading, model in zip(self._rows, page.models, strict=False):
            about = f"{model.name}\n{model.path}"
            plain = MapSpec(model.path)
            told = caption(self._document, plain, model, own_detail=False)
            heading.show_model(names[model.path], about, told)
        for heading_of, column in zip(self._heads[1:], page.columns, strict=False):
            heading_of.show_column(column)
        if self._heads:
            self._heads[0].show_title(tr("Original"))

    def _names(self) -> dict[str, str]:
        models = self._state.models
        return dict(zip((m.path for m in models), names_beside(models), strict=True))

    def answers_soon(self, *_: object) -> None:
        self._answers_soon.start()

    def show_answers(self) -> None:
        self._places.clear()
        own = self._state.choice.detail == OWN and self._state.choice.axis != "stages"
        for spec, cell in self.cells.items():
            if spec is None:
                cell.set_caption(original_caption(self._document))
            elif (model := self._library.get(spec.checkpoint)) is not None:
                cell.set_caption(caption(self._document, spec, model, own_detail=own))
        if self._state.choice.axis != "models":
            self._show_titles()
        self.show_numbers()

    def show_numbers(self) -> None:
        """Energy, rank correlation and, in a matrix, what its headings do not say."""
        pair = self._state.pair or (None, None)
        inside, place = self._state.inside, self._state.inside_name
        for spec, cell in self.cells.items():
            if spec is None:
                continue
            numbers, is_a = self._comparing.numbers(spec), spec == pair[0]
            model = self._library.get(spec.checkpoint)
            about = "" if model is None else self._in_matrix(spec, model)
            text = numbers_text(numbers, is_a)
            cell.footer.show_numbers(
                " · ".join(part for part in (about, text) if part),
                numbers_spoken(numbers, is_a, inside, place),
            )
            cell.set_letter({pair[0]: "A", pair[1]: "B"}.get(spec, "") if pair[0] else "")

    def _in_matrix(self, spec: MapSpec, model: Model) -> str:
        """The probability of a column's class; why there is no map; the detail of its own."""
        choice = self._state.choice
        if choice.axis == "models":
            return ""
        own = choice.detail == OWN and choice.axis != "stages"
        told: Caption = caption(self._document, spec, model, own_detail=own)
        if not model.explains(spec.target):
            return told.text
        share = told.share if choice.axis == "classes" else ""
        return " · ".join(part for part in (share, told.remarks) if part)

    # --- pictures
    def show_rois(self) -> None:
        """The selected region and those with a map; regions are not edited in cells."""
        selected = self._document.selected
        ids = dict.fromkeys(self._document.results.mapped_regions())
        if selected is not None:
            ids[selected.id] = None
        rois = [roi for i in ids if (roi := self._document.roi(i)) is not None]
        for cell in self.cells.values():
            cell.canvas.set_rois(rois)
        self.answers_soon()

    def show_maps(self, maps: list[PaintedMap]) -> None:
        self._maps = maps
        self._places.clear()
        selected = self._document.selected
        look = self._document.map_painting
        for spec, cell in self.cells.items():
            own = [m for m in maps if m.spec == spec]
            cell.canvas.set_overlays([m.overlay for m in own])
            mine = next((m for m in own if selected is not None and m.roi_id == selected.id), None)
            if mine is not None:
                cell.footer.scale.show_range(mine.low, mine.high, look.colormap)
            cell.footer.set_scale_shown(mine is not None and look.scale == "own")

    def show_opacity(self) -> None:
        for cell in self.cells.values():
            cell.canvas.set_overlay_opacity(self._document.map_painting.opacity)

    def show_slide_settings(self) -> None:
        for cell in self.cells.values():
            cell.canvas.set_mpp(self._document.slide_settings.mpp)
            cell.canvas.set_icc_enabled(self._document.slide_settings.icc)

    # --- the cursor
    def _on_pointed(self, x: float, y: float) -> None:
        """Read every map at the place under the mouse, wherever the mouse is."""
        if not self.isVisible():
            return
        known = math.isfinite(x)
        for spec, cell in self.cells.items():
            cell.canvas.point_at((x, y) if known else None)
            if spec is not None:
                places = self._places_of(spec) if known else None
                cell.footer.show_value(math.nan if places is None else places.value(x, y))

    def _places_of(self, spec: MapSpec) -> Places | None:
        if spec not in self._places:
            result = self._state.result(spec)
            if result is None:
                return None
            self._places[spec] = Places(result.maps)
        return self._places[spec]

    @property
    def settled(self) -> bool:
        return all(cell.canvas.is_settled() for cell in self.cells.values())

    @property
    def busy(self) -> bool:
        return self._fit_soon.isActive() or self._answers_soon.isActive()


def best_columns(count: int, width: int, height: int) -> int:
    """Columns for ``count`` cells in this area: those with the largest shorter side."""
    return max(
        range(1, count + 1),
        key=lambda columns: min(width / columns, height / math.ceil(count / columns)),
    )
