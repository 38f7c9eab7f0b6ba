"""A layout that fills rows from left to right and begins a new one where there is no more room."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget, QWidgetItem

ACROSS_PX, DOWN_PX = 16, 6  # between widgets


class Flow(QLayout):
    """Widgets at the size that they ask for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """parent: None for a part of another layout."""
        super().__init__(*(() if parent is None else (parent,)))
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def insert_widget(self, at: int, widget: QWidget) -> None:
        self.addChildWidget(widget)
        self._items.insert(at, QWidgetItem(widget))
        self.invalidate()

    # --- Qt's interface
    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # type: ignore[override]
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # type: ignore[override]
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), moving=False)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, moving=True)

    def _place(self, room: QRect, moving: bool) -> int:
        """Lay the items out in ``room``; returns the height that they take. moving: do it."""
        x, y, tallest = room.x(), room.y(), 0
        for item in self._items:
            if item.isEmpty():
                continue
            wanted = item.sizeHint()
            size = QSize(min(wanted.width(), room.width()), wanted.height())
            if x + size.width() > room.right() + 1 and tallest:
                x, y, tallest = room.x(), y + tallest + DOWN_PX, 0
            if moving:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + ACROSS_PX
            tallest = max(tallest, size.height())
        return y + tallest - room.y()


def flowing(*widgets: QWidget) -> Flow:
    """Widgets in a row while there is room, and below each other where there is none."""
    made = Flow()
    for widget in widgets:
        made.addWidget(widget)
    return made
