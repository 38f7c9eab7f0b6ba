"""The list of slides: small pictures and names, to switch, to put in order and to close."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QAction, QDropEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QMenu, QWidget

from viewer.controllers.slides import SlideController
from viewer.controllers.thumbnails import Thumbnails
from viewer.look.icons import icon
from viewer.look.sizes import scaled
from viewer.panels.slide_delegate import (
    ROW_PX,
    AboutRole,
    MissingRole,
    OpenRole,
    PathRole,
    PictureRole,
    SlideDelegate,
    cross_of,
)
from viewer.state.document import Document
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.layouts import column


class SlideRows(QListWidget):
    """The rows, which can be dragged; they follow the list that they are shown from."""

    dragged = Signal(str, int)  # path, and its new row
    close_clicked = Signal(str)  # path

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Slides"))
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setUniformItemSizes(True)
        self._crossed: str | None = None  # path of the row on whose cross a button went down

    @property
    def path(self) -> str | None:
        """Of the row that has the keyboard."""
        item = self.currentItem()
        return None if item is None else item.data(PathRole)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The cross of a row is a button: a press on it neither switches nor drags."""
        self._crossed = self._path_at_cross(event)
        if self._crossed is None:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._crossed is None:
            super().mouseReleaseEvent(event)
        elif self._path_at_cross(event) == self._crossed:
            self.close_clicked.emit(self._crossed)

    def _path_at_cross(self, event: QMouseEvent) -> str | None:
        item = self.itemAt(event.position().toPoint())
        if item is None or event.button() != Qt.MouseButton.LeftButton:
            return None
        on_cross = cross_of(QRectF(self.visualItemRect(item))).contains(event.position())
        return item.data(PathRole) if on_cross else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The current row stays in sight."""
        super().resizeEvent(event)
        self.scrollToItem(self.currentItem())

    def dropEvent(self, event: QDropEvent) -> None:
        """The list is asked to change, and shows itself anew; Qt moves nothing."""
        path, at = self.path, self.drop_row(event.position().toPoint())
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if path is not None:
            self.dragged.emit(path, at)

    def drop_row(self, at: QPoint) -> int:
        """The row that the dragged one gets when it is dropped at a place."""
        item = self.itemAt(at)
        if item is None:
            return self.count()
        below = at.y() > self.visualItemRect(item).center().y()
        row, own = self.row(item) + below, self.currentRow()
        return row - 1 if own < row else row


class SlidesPanel(QWidget):
    """Shows the slides of the list; a click or Return switches to one."""

    beside_requested = Signal(str)  # path
    find_requested = Signal(str)  # path of a file that is not there

    def __init__(self, document: Document, slides: SlideController, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._slides = slides
        self._thumbnails = thumbnails
        self.rows = SlideRows()
        self.rows.setItemDelegate(SlideDelegate(self.rows))
        self.menu_actions: Sequence[QAction] = ()  # what else can be done with a slide
        self._empty = label(tr("No slides yet.\nOpen one, or drop some here."), "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(16, 12, 16, 12)
        self._empty.setProperty("panel", True)
        self.rows.setMinimumHeight(scaled(ROW_PX) + 2)  # one row: low windows have four panels here
        column(self, self._empty, self.rows, wide=self.rows, margin=0, spacing=0)
        self.rows.itemClicked.connect(lambda item: self._choose(item.data(PathRole)))
        self.rows.itemActivated.connect(lambda item: self._choose(item.data(PathRole)))
        self.rows.customContextMenuRequested.connect(self._show_menu)
        self.rows.dragged.connect(slides.list.move)
        self.rows.close_clicked.connect(slides.close_slide)
        self._make_actions()
        for changed in (slides.list.changed, thumbnails.changed, document.slide_changed):
            changed.connect(self.refresh)
        self._shown: str | None = None  # the slide that was open when the rows were last filled
        self.refresh()

    def _make_actions(self) -> None:
        up, down = Qt.Key.Key_Up, Qt.Key.Key_Down
        for text, key, slot in (
            (tr("Close slide"), QKeySequence(QKeySequence.StandardKey.Delete), self._close),
            (tr("Move up"), QKeySequence(Qt.Modifier.ALT | up), partial(self._move, -1)),
            (tr("Move down"), QKeySequence(Qt.Modifier.ALT | down), partial(self._move, 1)),
        ):
            action = QAction(text, self.rows)
            action.setShortcut(key)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(slot)
            self.rows.addAction(action)

    def refresh(self) -> None:
        """Show the list as it is now; the keyboard stays on its slide, or follows the open one."""
        paths, current = self._slides.list.paths, self._slides.current
        chosen = current if current != self._shown else self.rows.path
        row = self.rows.currentRow()
        self._shown = current
        self.rows.clear()
        for path in paths:
            self.rows.addItem(self._item(path, path == current))
        at = paths.index(chosen) if chosen in paths else min(row, len(paths) - 1)
        self.rows.setCurrentRow(max(at, 0))
        self._empty.setVisible(not paths)
        self.rows.setVisible(bool(paths))

    def _item(self, path: str, is_open: bool) -> QListWidgetItem:
        file, missing = Path(path), self._slides.list.is_missing(path)
        item = QListWidgetItem(file.name)
        item.setData(PathRole, path)
        item.setData(AboutRole, file.parent.name)
        item.setData(PictureRole, self._thumbnails.of(path))
        item.setData(OpenRole, is_open)
        item.setData(MissingRole, missing)
        state = tr("shown") if is_open else tr("not found") if missing else ""
        spoken = ", ".join(part for part in (file.name, file.parent.name, state) if part)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
        item.setToolTip(path)
        return item

    # --- what the user does with a slide
    def _choose(self, path: str) -> None:
        self._slides.switch_to(path)

    def _close(self) -> None:
        if self.rows.path is not None:
            self._slides.close_slide(self.rows.path)

    def _move(self, by: int) -> None:
        if self.rows.path is not None:
            self._slides.list.move_by(self.rows.path, by)

    def _show_menu(self, at: QPoint) -> None:
        item = self.rows.itemAt(at)
        menu = self.menu_of(None if item is None else item.data(PathRole))
        menu.popup(self.rows.viewport().mapToGlobal(at))

    def menu_of(self, path: str | None) -> QMenu:
        """What can be done with a slide, or without one."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if path is None:
            menu.addActions(self.menu_actions)
            return menu
        missing = self._slides.list.is_missing(path)
        if missing:
            menu.addAction(
                icon("open"), tr("Find the file…"), partial(self.find_requested.emit, path)
            )
        else:
            menu.addAction(icon("slide"), tr("Show") + "\tReturn", partial(self._choose, path))
            beside = partial(self.beside_requested.emit, path)
            menu.addAction(icon("beside"), tr("Show beside"), beside)
        menu.addSeparator()
        moves = ((tr("Move up") + "\tAlt+Up", -1), (tr("Move down") + "\tAlt+Down", 1))
        for text, by in moves:
            menu.addAction(text, partial(self._slides.list.move_by, path, by))
        menu.addSeparator()
        menu.addActions(self.menu_actions)
        menu.addSeparator()
        text = tr("Remove from the list") if missing else tr("Close slide")
        menu.addAction(icon("close"), text + "\tDel", partial(self._slides.close_slide, path))
        return menu
