"""The palette: classes for regions, with colours and number keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QKeySequence, QMouseEvent, QPixmap
from PySide6.QtWidgets import QColorDialog, QInputDialog, QListView, QMenu, QStackedLayout, QWidget

from viewer.look.icons import icon
from viewer.panels.class_list import ClassDelegate, ClassModel, pen_place
from viewer.state.classes import Classes, Offered
from viewer.state.settings import RegionClass
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.layouts import column

EMPTY_TEXT = tr("No classes yet. Add one with +, or switch on a model to use its classes.")
PEN_SLACK_PX = 6


class ClassesPanel(QWidget):
    """A click gives the selected regions a class; a click on the pen, new regions."""

    apply_requested = Signal(str)  # name: for the selected regions, else for new ones
    draw_requested = Signal(str)  # name: for new regions; "" = none
    said = Signal(str)  # why nothing was done

    def __init__(self, classes: Classes) -> None:
        super().__init__()
        self._classes = classes
        self.model = ClassModel(classes)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(ClassDelegate(self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName(tr("Classes"))
        self.view.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.viewport().installEventFilter(self)
        empty = label(EMPTY_TEXT, "muted", wrap=True)
        empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        empty.setContentsMargins(16, 8, 16, 8)
        empty.setProperty("panel", True)
        self._stack = QStackedLayout()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.view)
        column(self, self._stack, margin=0)
        self.setMinimumHeight(56)
        self.model.modelReset.connect(self._on_reset)
        for text, key, slot in (
            (tr("Give this class"), QKeySequence(Qt.Key.Key_Return), self._apply),
            (tr("Remove from palette"), QKeySequence(QKeySequence.StandardKey.Delete), self.remove),
        ):
            self._add_key(text, key, slot)
        self._on_reset()

    def _add_key(self, text: str, key: QKeySequence, slot: Callable[[], object]) -> None:
        action = QAction(text, self.view)
        action.setShortcut(key)
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _=False: slot())
        self.view.addAction(action)

    def _on_reset(self) -> None:
        self._stack.setCurrentIndex(1 if self.model.rowCount() else 0)

    @property
    def current(self) -> Offered | None:
        return self.model.class_at(self.view.currentIndex())

    # --- mouse: a click acts on release, so that keys alone only move the current row
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            index = self.view.indexAt(event.position().toPoint())
            if event.button() == Qt.MouseButton.LeftButton and index.isValid():
                self._on_click(index, event)
        return super().eventFilter(watched, event)

    def _on_click(self, index: QModelIndex, event: QMouseEvent) -> None:
        row = self.model.class_at(index)
        assert row is not None
        slack = PEN_SLACK_PX
        pen = pen_place(QRectF(self.view.visualRect(index))).adjusted(-slack, -slack, slack, slack)
        if pen.contains(event.position()):
            drawn = self._classes.drawn
            again = drawn is not None and drawn.name == row.shown.name
            self.draw_requested.emit("" if again else row.shown.name)
        else:
            self.apply_requested.emit(row.shown.name)

    def _apply(self) -> None:
        if self.current is not None:
            self.apply_requested.emit(self.current.shown.name)

    # --- changes
    def add_class(self) -> None:
        """Ask for a name; the class gets a colour that no other has."""
        dialog = QInputDialog(self)
        dialog.setWindowTitle(tr("Add class"))
        dialog.setLabelText(tr("Name of the class:"))
        dialog.textValueSelected.connect(self._on_named)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_named(self, name: str) -> None:
        name = name.strip()
        if name:
            self._classes.add(RegionClass(name, self._classes.fresh_color()))
            self.view.setCurrentIndex(self.model.index(self.model.row_of(name)))

    def choose_color(self) -> None:
        row = self.current
        if row is None:
            return
        dialog = QColorDialog(QColor(*row.shown.color), self)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setWindowTitle(tr("Colour of {name}").format(name=row.shown.name))
        dialog.colorSelected.connect(
            lambda color: self._classes.recolor(row.shown.name, color.getRgb()[:3])
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def rename(self) -> None:
        self.view.edit(self.view.currentIndex())

    def remove(self) -> None:
        row = self.current
        if row is not None and not self._classes.remove(row.shown.name):
            text = tr("Regions have the class {name}. Merge it into another one, or change them.")
            self.said.emit(text.format(name=row.shown.name))

    def _show_menu(self, at: QPoint) -> None:
        self.view.setCurrentIndex(self.view.indexAt(at))
        row = self.current
        if row is None:
            return
        name = row.shown.name
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icon("tag"), tr("Give this class") + "\tReturn", self._apply)
        draw = partial(self.draw_requested.emit, name)
        menu.addAction(icon("edit"), tr("Use for new regions"), draw)
        menu.addSeparator()
        menu.addAction(tr("Rename") + "\tF2", self.rename)
        menu.addAction(swatch(row.shown.color), tr("Colour…"), self.choose_color)
        merge = menu.addMenu(tr("Merge into"))
        for other in self._classes.listed:
            if other.shown.name != name:
                text = other.shown.name.replace("&", "&&")
                into = partial(self._classes.rename, name, other.shown.name)
                merge.addAction(swatch(other.shown.color), text, into)
        merge.setEnabled(not merge.isEmpty())
        menu.addSeparator()
        menu.addAction(icon("trash"), tr("Remove from palette") + "\tDel", self.remove)
        menu.popup(self.view.viewport().mapToGlobal(at))


def swatch(color: tuple[int, int, int]) -> QIcon:
    """A square of a class's colour, for menus."""
    pixmap = QPixmap(14, 14)
    pixmap.fill(QColor(*color))
    return QIcon(pixmap)
