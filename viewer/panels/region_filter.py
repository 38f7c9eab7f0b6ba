"""The search field above the list of regions, with a menu for order and filter."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QActionGroup, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QMenu, QToolButton, QWidget

from viewer.look.icons import set_icon
from viewer.state.region_order import RegionOrder
from viewer.text.tr import tr
from viewer.widgets.basic import icon_button
from viewer.widgets.layouts import column, row

WAIT_MS = 120  # after a letter, before the list follows
SORTS = (
    ("drawn", tr("As drawn")),
    ("name", tr("By name")),
    ("class", tr("By class")),
    ("size", tr("By size")),
)
SHOWS = (
    ("all", tr("All regions")),
    ("areas", tr("Areas")),
    ("points", tr("Points")),
    ("lines", tr("Lines, rulers, angles")),
    ("unclassed", tr("Without a class of yours")),
    ("noted", tr("With a note")),
    ("locked", tr("Locked")),
    ("hidden", tr("Hidden")),
)


class RegionFilter(QWidget):
    """Says how the list is to be arranged."""

    changed = Signal(object)  # RegionOrder
    left = Signal()  # the search is done: the keyboard goes to the list

    def __init__(self) -> None:
        super().__init__()
        self.order = RegionOrder()
        self.search = _Search()
        self.search.setPlaceholderText(tr("Search name, class, note"))
        self.search.setAccessibleName(tr("Search the regions"))
        self.search.setClearButtonEnabled(True)
        self.button = icon_button("filter", tr("Order and filter"))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setMenu(self._menu())
        line = row(self.search, self.button, wide=self.search, spacing=4)
        column(self, line, margin=10, upright=6)
        self._soon = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._soon.timeout.connect(self._take_search)
        self.search.textChanged.connect(lambda _: self._soon.start())
        self.search.left.connect(self.left)

    def clear(self) -> None:
        """Show all regions, in the same order."""
        self.search.clear()
        self._soon.stop()
        self._set(replace(self.order, search="", show="all"))

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        self._groups = []
        for field, choices in (("sort", SORTS), ("show", SHOWS)):
            group = QActionGroup(menu)
            for value, text in choices:
                action = menu.addAction(text)
                action.setCheckable(True)
                action.setData((field, value))
                group.addAction(action)
            group.triggered.connect(lambda a: self._set(replace(self.order, **dict([a.data()]))))
            self._groups.append(group)
            menu.addSeparator()
        self._reverse = menu.addAction(tr("Reverse order"))
        self._reverse.setCheckable(True)
        self._reverse.toggled.connect(lambda on: self._set(replace(self.order, descending=on)))
        self._show_checked()
        return menu

    def _take_search(self) -> None:
        self._set(replace(self.order, search=self.search.text()))

    def _set(self, order: RegionOrder) -> None:
        if order == self.order:
            return
        self.order = order
        self._show_checked()
        set_icon(self.button, "filter", "text" if order.show == "all" else "accent")
        self.changed.emit(order)

    def _show_checked(self) -> None:
        for group in self._groups:
            for action in group.actions():
                field, value = action.data()
                action.setChecked(getattr(self.order, field) == value)


class _Search(QLineEdit):
    """Esc empties it, or leaves it; Return and the arrow down go to the list."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.left.emit()
        else:
            super().keyPressEvent(event)
