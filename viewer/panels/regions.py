"""The list of regions and its actions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QInputDialog, QListView, QMenu, QStackedLayout, QWidget

from ssmamba.rois.roi import Roi
from viewer.look.icons import icon
from viewer.panels.region_delegate import RegionDelegate
from viewer.panels.region_list import RegionModel
from viewer.state.classes import Classes
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.layouts import column

EMPTY_TEXT = tr("No regions yet.\nChoose the lasso (L) and draw around the tissue of interest.")

READING_TEXT = tr("Reading saved regions…")


class RegionsPanel(QWidget):
    """Shows the regions; selecting one selects it on the slide."""

    classify_requested = Signal(list)  # region ids
    focus_requested = Signal(str)  # region id: bring it into view

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._classes = Classes(document, library)
        self.model = RegionModel(document, library)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(RegionDelegate(self.view))
        self.view.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName(tr("Regions"))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.setEditTriggers(
            QListView.EditTrigger.EditKeyPressed | QListView.EditTrigger.DoubleClicked
        )
        self._empty = label(EMPTY_TEXT, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(16, 16, 16, 16)
        self._empty.setProperty("panel", True)
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        column(self, self._stack, margin=0)
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
        """The regions selected in the list."""
        rows = sorted(self.view.selectionModel().selectedRows(), key=lambda i: i.row())
        return [roi for index in rows if (roi := self.model.roi_at(index)) is not None]

    def set_reading(self, reading: bool) -> None:
        """Whether the slide's saved regions are still being read."""
        self._empty.setText(READING_TEXT if reading else EMPTY_TEXT)

    def _on_reset(self) -> None:
        self._stack.setCurrentIndex(1 if self.model.rowCount() else 0)
        self._on_document_selected()

    def _on_list_selected(self, *_: object) -> None:
        if self._syncing:
            return
        current = self.model.roi_at(self.view.currentIndex())
        chosen = self.chosen()
        self._syncing = True
        if current is not None and current in chosen:
            self._document.select(current.id)
        else:
            self._document.select(chosen[0].id if chosen else None)
        self._syncing = False

    def _on_document_selected(self) -> None:
        if self._syncing:
            return
        self._syncing = True
        roi = self._document.selected
        row = -1 if roi is None else self.model.row_of(roi.id)
        if row < 0:
            self.view.clearSelection()
        else:
            index = self.model.index(row)
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.view.selectionModel().setCurrentIndex(index, flag)
            self.view.scrollTo(index)
        self._syncing = False

    # --- actions
    def delete_chosen(self) -> None:
        self._document.remove([roi.id for roi in self.chosen()])

    def _focus(self) -> None:
        for roi in self.chosen()[:1]:
            self.focus_requested.emit(roi.id)

    def _set_locked(self, locked: bool) -> None:
        changed = [replace(roi, locked=locked) for roi in self.chosen()]
        self._document.change_many(changed, tr("Lock") if locked else tr("Unlock"))

    def set_class(self, name: str, color: tuple[int, int, int] | None) -> None:
        """Set the class of the selected regions, and its colour."""
        changed = [
            roi.classified(name, color or roi.color) for roi in self.chosen() if not roi.locked
        ]
        self._document.change_many(changed, tr("Set class") if name else tr("Clear class"))

    def _other_class(self) -> None:
        name, accepted = QInputDialog.getText(self, tr("Class"), tr("Class name:"))
        if accepted and name.strip():
            self.set_class(name.strip(), self._known_classes().get(name.strip()))

    def _show_menu(self, at: QPoint) -> None:
        chosen = self.chosen()
        if not chosen:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        ids = [roi.id for roi in chosen]
        menu.addAction(icon("classify"), tr("Classify"), lambda: self.classify_requested.emit(ids))
        menu.addAction(icon("fit"), tr("Show on slide") + "\tReturn", self._focus)
        if len(chosen) == 1 and not chosen[0].locked:
            edit = partial(self.view.edit, self.view.currentIndex())
            menu.addAction(icon("edit"), tr("Rename") + "\tF2", edit)
        self._add_classes(menu.addMenu(icon("tag"), tr("Class")))
        locked = all(roi.locked for roi in chosen)
        menu.addAction(
            icon("unlock" if locked else "lock"),
            tr("Unlock") if locked else tr("Lock"),
            lambda: self._set_locked(not locked),
        )
        menu.addSeparator()
        delete = menu.addAction(icon("trash"), tr("Delete") + "\tDel", self.delete_chosen)
        delete.setEnabled(not locked)
        menu.popup(self.view.viewport().mapToGlobal(at))

    def _known_classes(self) -> dict[str, tuple[int, int, int]]:
        """Colours of classes by name, as in the palette."""
        return {row.shown.name: row.shown.color for row in self._classes.listed}

    def _add_classes(self, menu: QMenu) -> None:
        for name, color in self._known_classes().items():
            menu.addAction(name, partial(self.set_class, name, color))
        menu.addSeparator()
        menu.addAction(tr("Other…"), self._other_class)
        menu.addAction(tr("None"), lambda: self.set_class("", None))
