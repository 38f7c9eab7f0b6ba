"""The list of regions and its actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QInputDialog, QListView, QMenu, QStackedLayout, QWidget

from ssmamba.rois.roi import Roi
from viewer.look.icons import icon
from viewer.panels.region_delegate import RegionDelegate
from viewer.panels.region_filter import RegionFilter
from viewer.panels.region_list import RegionModel
from viewer.state.classes import Classes
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.state.region_order import RegionOrder
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.layouts import column

LEAST_PX = 44  # height of the list: one region is seen in the lowest window
BATCH_ROWS = 5000
EMPTY_TEXT = tr("No regions yet.\nChoose the lasso (L) and draw around the tissue of interest.")

READING_TEXT = tr("Reading saved regions…")
NONE_FOUND = tr("No region matches. Esc in the search field shows all of them.")


class RegionsPanel(QWidget):
    """Shows the regions; selecting one selects it on the slide."""

    classify_requested = Signal(list)  # region ids
    focus_requested = Signal(str)  # region id: bring it into view
    step_made = Signal(str)  # region id: the next one, which should be seen
    delete_requested = Signal(list)  # region ids

    def __init__(self, document: Document, library: ModelLibrary, classes: Classes) -> None:
        super().__init__()
        self._document = document
        self._classes = classes
        self.model = RegionModel(document, library)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(RegionDelegate(self.view))
        self.view.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.view.setUniformItemSizes(True)
        self.view.setLayoutMode(QListView.LayoutMode.Batched)  # 100,000 rows take half a second
        self.view.setBatchSize(BATCH_ROWS)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName(tr("Regions"))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.setEditTriggers(
            QListView.EditTrigger.EditKeyPressed | QListView.EditTrigger.DoubleClicked
        )
        self._empty_text = EMPTY_TEXT
        self._empty = label(EMPTY_TEXT, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(16, 16, 16, 16)
        self._empty.setProperty("panel", True)
        for widget in (self._empty, self.view):
            widget.setMinimumHeight(LEAST_PX)
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        self.filter = RegionFilter()
        self.filter.changed.connect(self._arrange)
        self.filter.left.connect(self._leave_search)
        column(self, self.filter, self._stack, wide=self._stack, margin=0, spacing=0)
        self.menu_groups: Sequence[Sequence[QAction]] = ()  # of the menu of selected regions
        self.menu_without: Sequence[QAction] = ()  # where none is selected
        self._syncing = False
        self.model.modelReset.connect(self._on_reset)
        self.view.selectionModel().selectionChanged.connect(self._on_list_selected)
        document.selection_changed.connect(self._on_document_selected)
        self._make_actions()
        self._on_reset()

    def _make_actions(self) -> None:
        for text, key, slot in (
            (tr("Delete"), QKeySequence.StandardKey.Delete, self.delete_chosen),
            (tr("Show on slide"), QKeySequence(Qt.Key.Key_Return), self._focus),
        ):
            action = QAction(text, self.view)
            action.setShortcut(key)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(slot)
            self.view.addAction(action)

    # --- selection, both ways
    def chosen(self) -> list[Roi]:
        """The selected regions, in the order of the list."""
        return sorted(self._document.chosen, key=lambda roi: self.model.row_of(roi.id))

    def set_reading(self, reading: bool) -> None:
        """Whether the slide's saved regions are still being read."""
        self._empty_text = READING_TEXT if reading else EMPTY_TEXT
        self._on_reset()

    def _on_reset(self) -> None:
        has_regions = self._document.has_rois
        self._stack.setCurrentIndex(1 if self.model.rowCount() else 0)
        self._empty.setText(NONE_FOUND if has_regions else self._empty_text)
        self.filter.setVisible(has_regions)
        self._on_document_selected()

    def _arrange(self, order: RegionOrder) -> None:
        """Another order or filter; what it leaves out is no longer selected."""
        self._syncing = True
        self.model.arrange(order)
        chosen = (roi.id for roi in self._document.chosen)
        self._document.choose([i for i in chosen if self.model.row_of(i) >= 0])
        self._syncing = False
        self._on_document_selected()

    def _on_list_selected(self, *_: object) -> None:
        if self._syncing:
            return
        rois = self.model.rois
        ranges: Any = self.view.selectionModel().selection()
        rows = sorted(row for r in list(ranges) for row in range(r.top(), r.bottom() + 1))
        current = self.model.roi_at(self.view.currentIndex())
        self._syncing = True
        self._document.choose(
            [rois[row].id for row in rows], None if current is None else current.id
        )
        self._syncing = False

    def _on_document_selected(self) -> None:
        """Select in the list what is selected; a region that it leaves out ends the filter."""
        if self._syncing:
            return
        document, order = self._document, self.filter.order
        chosen = [roi.id for roi in document.chosen]
        rows = sorted(self.model.row_of(roi_id) for roi_id in chosen)
        if rows and rows[0] < 0:
            if order.is_filter:
                self.filter.clear()  # which comes back here
            return  # else the list follows in a moment
        self._syncing = True
        selection = QItemSelection()
        for first, last in _runs(rows):
            selection.select(self.model.index(first), self.model.index(last))
        flags = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().select(selection, flags.ClearAndSelect)
        selected = document.selected
        if selected is not None:
            index = self.model.index(self.model.row_of(selected.id))
            self.view.selectionModel().setCurrentIndex(index, flags.NoUpdate)
            self.view.scrollTo(index)
        self._syncing = False

    def step(self, by: int) -> None:
        """Select the next region of the list (by 1) or the one before (-1), around the ends."""
        rois, selected = self.model.rois, self._document.selected
        if not rois:
            return
        row = -1 if selected is None else self.model.row_of(selected.id)
        to = (row + by) % len(rois) if row >= 0 else (0 if by > 0 else len(rois) - 1)
        self._document.select(rois[to].id)
        self.step_made.emit(rois[to].id)

    def focus_search(self) -> None:
        """The keyboard goes to the search field."""
        self.filter.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.search.selectAll()

    def _leave_search(self) -> None:
        self.view.setFocus()
        if not self._document.chosen and self.model.rowCount():
            self.view.setCurrentIndex(self.model.index(0))

    # --- actions
    def delete_chosen(self) -> None:
        self.delete_requested.emit([roi.id for roi in self.chosen()])

    def _focus(self) -> None:
        for roi in self.chosen()[:1]:
            self.focus_requested.emit(roi.id)

    def set_class(self, name: str) -> None:
        """Give the selected regions a class; "" = none."""
        self._classes.give([roi.id for roi in self.chosen()], name)

    def _other_class(self) -> None:
        name, accepted = QInputDialog.getText(self, tr("Class"), tr("Class name:"))
        if accepted and name.strip():
            self.set_class(name.strip())

    def _show_menu(self, at: QPoint) -> None:
        self.show_menu(self.view.viewport().mapToGlobal(at))

    def show_menu(self, at: QPoint) -> None:
        """The menu of the selected regions at a place on the screen."""
        chosen = self.chosen()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if not chosen:
            menu.addActions(self.menu_without)
            menu.popup(at)
            return
        ids = [roi.id for roi in chosen]
        if any(roi.has_area for roi in chosen):
            ask = partial(self.classify_requested.emit, ids)
            menu.addAction(icon("classify"), tr("Classify"), ask)
        menu.addAction(icon("fit"), tr("Show on slide") + "\tReturn", self._focus)
        if len(chosen) == 1 and not chosen[0].locked:
            menu.addAction(icon("edit"), tr("Rename") + "\tF2", self._rename)
        free = not all(roi.locked for roi in chosen)
        classes = menu.addMenu(icon("tag"), tr("Class"))
        classes.setEnabled(free)
        self._add_classes(classes)
        for group in self.menu_groups:
            menu.addSeparator()
            menu.addActions(group)
        menu.addSeparator()
        delete = menu.addAction(icon("trash"), tr("Delete") + "\tDel", self.delete_chosen)
        delete.setEnabled(free)
        menu.popup(at)

    def _rename(self) -> None:
        self.view.setFocus()
        self.view.edit(self.view.currentIndex())

    def _add_classes(self, menu: QMenu) -> None:
        for row in self._classes.listed:
            name = row.shown.name
            menu.addAction(name.replace("&", "&&"), partial(self.set_class, name))
        menu.addSeparator()
        menu.addAction(tr("Other…"), self._other_class)
        menu.addAction(tr("None"), partial(self.set_class, ""))


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of each run of numbers that follow each other; sorted, from 0."""
    start = None
    for at, row in enumerate(rows):
        start = row if start is None else start
        if at + 1 == len(rows) or rows[at + 1] != row + 1:
            yield start, row
            start = None
