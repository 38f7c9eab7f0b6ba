"""Finds a command by a few letters: all actions of the window in one list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from viewer.actions.action import Action
from viewer.look import tokens
from viewer.look.sizes import scaled
from viewer.text.tr import tr
from viewer.widgets.layouts import column

WIDTH_PX, SHOWN_ROWS, TOP_PX = 560, 11, 72
ROW_PX, ICON_PX = 30, 18
KEYS = Qt.ItemDataRole.UserRole + 1
PALETTE = "palette"  # the action that opens it
Index = QModelIndex | QPersistentModelIndex
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True)
class Command:
    """One line of the list."""

    action: QAction
    place: str  # title of its menu
    tip: str = ""

    @property
    def text(self) -> str:
        name = plain(self.action.text())
        return f"{self.place}: {name}" if self.place else name

    @property
    def keys(self) -> str:
        return self.action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def plain(text: str) -> str:
    """A menu's text without the marks of its keys; "&&" is a real "&"."""
    return re.sub("&(.)", r"\1", text)


def rank(query: str, text: str, tip: str = "") -> int | None:
    """How well a text fits what was typed, 0 is best; None where a word is in neither.

    Beginnings of words count more than what is inside one, the text more than the description.
    """
    total = 0
    words = text.casefold().replace(":", " ").split()
    for part in query.casefold().split():
        if any(word.startswith(part) for word in words):
            continue
        if part in text.casefold():
            total += 1
        elif part in tip.casefold():
            total += 3
        else:
            return None
    return total


class _Line(QStyledItemDelegate):
    """Icon, command, and at the right its keys."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, scaled(ROW_PX))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chosen = tokens.current()
        rect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(chosen.accent_soft))
        off = not option.state & QStyle.StateFlag.State_Enabled
        mode = QIcon.Mode.Disabled if off else QIcon.Mode.Normal
        left = QRect(rect.left() + 10, rect.top(), ICON_PX, rect.height())
        index.data(Qt.ItemDataRole.DecorationRole).paint(painter, left, mode=mode)
        text = rect.adjusted(10 + ICON_PX + 10, 0, -12, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        keys = index.data(KEYS)
        painter.setPen(QColor(chosen.muted if not off else chosen.strong_border))
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignRight, keys)
        text.setRight(text.right() - painter.fontMetrics().horizontalAdvance(keys) - 12)
        painter.setPen(QColor(chosen.strong_border if off else chosen.text))
        shown = painter.fontMetrics().elidedText(
            index.data(), Qt.TextElideMode.ElideRight, text.width()
        )
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignLeft, shown)


class CommandPalette(QDialog):
    """Type, choose with the arrows, Enter runs it; Escape closes it."""

    def __init__(self, window: QMainWindow, commands: Iterable[Command]) -> None:
        super().__init__(window, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("finder", True)
        self.setAccessibleName(tr("Find a command"))
        self._commands = list(commands)
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(tr("Find a command"))
        self.typed.setAccessibleName(tr("Find a command"))
        self.typed.setClearButtonEnabled(True)
        self.typed.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Commands"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrows of the line move in it
        self.list.setItemDelegate(_Line(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._run)
        self.list.itemActivated.connect(self._run)
        self.typed.textChanged.connect(self._fill)
        self.typed.returnPressed.connect(lambda: self._run(self.list.currentItem()))
        column(self, self.typed, self.list, wide=self.list, margin=8, spacing=6)
        self._fill("")
        self._place(window)
        self.typed.setFocus()

    def _place(self, window: QMainWindow) -> None:
        width = min(scaled(WIDTH_PX), window.width() - 40)
        height = min(scaled(58 + ROW_PX * SHOWN_ROWS), window.height() - 2 * TOP_PX)
        self.resize(width, height)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + TOP_PX)

    def _fill(self, query: str) -> None:
        """Fitting commands, the best first; what cannot be run now after its equals, in grey."""
        ranks = [rank(query, command.text, command.tip) for command in self._commands]
        found = [
            (fit, not self._commands[at].action.isEnabled(), at)
            for at, fit in enumerate(ranks)
            if fit is not None
        ]
        self.list.clear()
        for _, off, at in sorted(found):
            command = self._commands[at]
            item = QListWidgetItem(command.action.icon(), command.text)
            item.setData(Qt.ItemDataRole.UserRole, at)
            item.setData(KEYS, command.keys)
            spoken = f"{command.text}, {command.keys}" if command.keys else command.text
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setToolTip(command.tip)
            if off:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        if self.list.count():
            self.list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is None or not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        action = self._commands[item.data(Qt.ItemDataRole.UserRole)].action
        self.close()
        action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrow keys move in the list while one types."""
        if (
            watched is self.typed
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in MOVES
        ):
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)


def commands_of(records: Iterable[Action], by_name: dict[str, QAction]) -> list[Command]:
    """A command for each action that can be run, in the order of the menus."""
    made = []
    for record in records:
        if record.submenu is None and record.id in by_name and record.id != PALETTE:
            place = record.menu[0] if record.menu else None
            title = "" if place is None else plain(place.submenu or place.menu)
            made.append(Command(by_name[record.id], title, record.tip))
    return made
