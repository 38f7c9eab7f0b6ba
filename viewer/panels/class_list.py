"""The palette of classes as a Qt list model, and its rows."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from viewer.look import icons, tokens
from viewer.state.classes import Classes, Offered
from viewer.text import formats
from viewer.text.tr import tr
from viewer.widgets.basic import elided

ModelIndex = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
ClassRole = int(Qt.ItemDataRole.UserRole)
DrawnRole = ClassRole + 1
NUMBERED = 9  # classes with number keys
SWATCH_PX, PEN_PX, NUMBER_PX = 14, 14, 16
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClassModel(QAbstractListModel):
    """One row for each class, in the order of the number keys."""

    def __init__(self, classes: Classes) -> None:
        super().__init__()
        self._classes = classes
        self._rows: list[Offered] = []
        self._drawn = ""
        classes.changed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        new, chosen = list(self._classes.listed), self._classes.drawn
        drawn = "" if chosen is None else chosen.name
        if (new, drawn) == (self._rows, self._drawn):
            return
        self._drawn = drawn
        if len(new) == len(self._rows):  # the current row stays
            self._rows = new
            if new:
                self.dataChanged.emit(self.index(0), self.index(len(new) - 1))
            return
        self.beginResetModel()
        self._rows = new
        self.endResetModel()

    def class_at(self, index: ModelIndex) -> Offered | None:
        return self._rows[index.row()] if 0 <= index.row() < len(self._rows) else None

    def row_of(self, name: str) -> int:
        return next((at for at, row in enumerate(self._rows) if row.shown.name == name), -1)

    # --- Qt's interface
    def rowCount(self, parent: ModelIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: ModelIndex) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.class_at(index)
        if row is None:
            return None
        if role == ClassRole:
            return row
        if role == DrawnRole:
            return row.shown.name == self._drawn
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row.shown.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(index.row(), row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.shown.name
        return None

    def _spoken(self, at: int, row: Offered) -> str:
        parts = [row.shown.name, formats.regions(row.regions)]
        if at < NUMBERED:
            parts.append(tr("key {number}").format(number=at + 1))
        if row.shown.name == self._drawn:
            parts.append(tr("class of new regions"))
        return ", ".join(parts)

    def setData(
        self, index: ModelIndex, value: object, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        row = self.class_at(index)
        if row is None or role != Qt.ItemDataRole.EditRole:
            return False
        self._classes.rename(row.shown.name, str(value))
        return True


class ClassDelegate(QStyledItemDelegate):
    """Number key, colour and name; at the right the number of regions and the pen of new ones."""

    def sizeHint(self, option: QStyleOptionViewItem, index: ModelIndex) -> QSize:
        return QSize(120, option.fontMetrics.height() + 12)

    def createEditor(self, parent, option, index):
        editor = QLineEdit(parent)
        editor.setAccessibleName(tr("Name of the class"))
        return editor

    def updateEditorGeometry(self, editor, option, index) -> None:
        editor.setGeometry(option.rect.adjusted(12 + NUMBER_PX + SWATCH_PX, 0, -8, 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: ModelIndex) -> None:
        row: Offered = index.data(ClassRole)
        chosen, rect = tokens.current(), QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(chosen.accent_soft))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(chosen.hover))
        if index.row() < NUMBERED:
            painter.setPen(QColor(chosen.muted))
            place = QRectF(rect.x() + 16, rect.y(), NUMBER_PX, rect.height())
            painter.drawText(place, LEFT, str(index.row() + 1))
        left = rect.x() + 16 + NUMBER_PX
        swatch = QRectF(left, rect.center().y() - SWATCH_PX / 2, SWATCH_PX, SWATCH_PX)
        painter.setPen(QColor(chosen.strong_border))  # seen on either ground
        painter.setBrush(QColor(*row.shown.color))
        painter.drawRoundedRect(swatch, 4, 4)
        pen = pen_place(rect)
        if index.data(DrawnRole):
            icons.paint(painter, "edit", pen, chosen.accent)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            icons.paint(painter, "edit", pen, chosen.strong_border)
        self._paint_texts(painter, row, swatch.right() + 8, pen.left() - 10, rect)
        painter.restore()

    def _paint_texts(
        self, painter: QPainter, row: Offered, left: float, right: float, rect: QRectF
    ) -> None:
        chosen = tokens.current()
        place = QRectF(left, rect.y(), right - left, rect.height())
        count = formats.whole(row.regions) if row.regions else ""
        painter.setPen(QColor(chosen.muted))
        painter.drawText(place, RIGHT, count)
        metrics = painter.fontMetrics()
        room = place.width() - (metrics.horizontalAdvance(count) + 10 if count else 0)
        painter.setPen(QColor(chosen.text))
        painter.drawText(place, LEFT, elided(metrics, row.shown.name, room))


def pen_place(rect: QRectF) -> QRectF:
    """Where a row shows, and takes, whether new regions have its class."""
    return QRectF(rect.right() - 16 - PEN_PX, rect.center().y() - PEN_PX / 2, PEN_PX, PEN_PX)
