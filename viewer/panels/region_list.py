"""The regions as a Qt list model, and a delegate that paints its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.roi_shape import DEFAULT_COLOR
from viewer.look import icons, tokens
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.state.planning import answer_key
from viewer.state.results import AnswerKey
from viewer.text import formats
from viewer.text.tr import tr
from viewer.widgets.bars import percent
from viewer.widgets.basic import elided

ROW_PX = 52
SMALL_PX = 12  # letters of the second line
ModelIndex = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
RoiRole = int(Qt.ItemDataRole.UserRole)
LineRole = RoiRole + 1
UNNAMED = tr("Unnamed region")
KINDS = {"point": tr("point"), "line": tr("line")}  # regions without an area


@dataclass(frozen=True)
class RegionLine:
    """The second line of a row."""

    text: str
    share: str = ""  # after the text, never elided
    color: tuple[int, int, int] | None = None
    outdated: bool = False
    unsure: bool = False


class RegionModel(QAbstractListModel):
    """One row per region, in drawing order."""

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self.is_pending: Callable[[AnswerKey], bool] = lambda key: False
        self._rois: list[Roi] = []
        self._areas: dict[str, tuple[Roi, float]] = {}
        document.rois_changed.connect(self._reload)
        document.slide_changed.connect(self._reload)
        document.results_changed.connect(self._repaint)
        document.slide_settings_changed.connect(self._repaint)
        library.changed.connect(self._repaint)
        library.shown_changed.connect(self._repaint)
        self._reload()

    def _reload(self) -> None:
        new = list(self._document.rois)
        if [r.id for r in new] == [r.id for r in self._rois]:
            self._rois = new
            self._repaint()
            return
        self.beginResetModel()
        self._rois = new
        self.endResetModel()

    def _repaint(self, *_: object) -> None:
        if self._rois:
            self.dataChanged.emit(self.index(0), self.index(len(self._rois) - 1))

    def row_of(self, roi_id: str) -> int:
        return next((i for i, r in enumerate(self._rois) if r.id == roi_id), -1)

    def roi_at(self, index: ModelIndex) -> Roi | None:
        return self._rois[index.row()] if index.isValid() else None

    # --- Qt's interface
    def rowCount(self, parent: ModelIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rois)

    def flags(self, index: ModelIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        roi = self.roi_at(index)
        if roi is not None and not roi.locked:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        roi = self.roi_at(index)
        if roi is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return roi.name or UNNAMED
        if role == RoiRole:
            return roi
        if role == LineRole:
            return self.line(roi)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            line = self.line(roi)
            return f"{roi.name}, {self.area_text(roi)}, {line.text}{line.share}"
        return None

    def setData(self, index: ModelIndex, value: object, role: int = 0) -> bool:
        roi = self.roi_at(index)
        if roi is None or role != Qt.ItemDataRole.EditRole:
            return False
        self._document.change(replace(roi, name=str(value).strip()), tr("Rename region"))
        return True

    # --- texts
    def area_text(self, roi: Roi) -> str:
        if roi.kind in KINDS:
            return KINDS[roi.kind]
        kept = self._areas.get(roi.id)
        if kept is None or kept[0] is not roi:
            from ssmamba.rois.geometry import area_of

            kept = (roi, area_of(roi))
            self._areas[roi.id] = kept
        return formats.area(kept[1], self._document.mpp)

    def line(self, roi: Roi) -> RegionLine:
        """The shown model's answer for a region, else the class set by the user."""
        model = self._library.shown
        newest = model and self._document.results.newest_answer(roi.id, model.path)
        if not newest or model is None:
            waiting = model is not None and self.is_pending(answer_key(self._document, roi, model))
            none = roi.class_name or tr("Not classified")
            return RegionLine(tr("Classifying…") if waiting else none)
        key, result = newest
        info = model.class_info(result.predicted)
        return RegionLine(
            info.name,
            f" · {percent(result.probabilities[result.predicted])}",
            info.color,
            outdated=key != answer_key(self._document, roi, model),
            unsure=not result.trust.sure,
        )


class RegionDelegate(QStyledItemDelegate):
    """Two lines: name and area; answer and its status."""

    def sizeHint(self, option: QStyleOptionViewItem, index: ModelIndex) -> QSize:
        return QSize(160, ROW_PX)

    def createEditor(self, parent, option, index):
        editor = QLineEdit(parent)
        editor.setAccessibleName(tr("Region name"))
        return editor

    def updateEditorGeometry(self, editor, option, index) -> None:
        editor.setGeometry(option.rect.adjusted(28, 4, -8, -ROW_PX // 2 + 6))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: ModelIndex) -> None:
        chosen = tokens.current()
        roi: Roi = index.data(RoiRole)
        line: RegionLine = index.data(LineRole)
        model = index.model()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        self._paint_ground(painter, rect, option, chosen)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*(roi.color or DEFAULT_COLOR)))
        painter.drawRoundedRect(QRectF(rect.x() + 16, rect.y() + 13, 10, 10), 3, 3)
        upper = QRectF(rect.x() + 36, rect.y() + 6, rect.width() - 48, 22)
        lower = upper.translated(0, 20)
        self._paint_name(painter, upper, roi, model, chosen)
        self._paint_line(painter, lower, line, chosen)
        painter.restore()

    def _paint_ground(self, painter: QPainter, rect: QRectF, option, chosen) -> None:
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(chosen.accent_soft))
            painter.fillRect(QRectF(rect.x(), rect.y(), 3, rect.height()), QColor(chosen.accent))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(chosen.hover))
        painter.fillRect(
            QRectF(rect.x(), rect.bottom() - 1, rect.width(), 1), QColor(chosen.border)
        )

    def _paint_name(self, painter: QPainter, place: QRectF, roi: Roi, model, chosen) -> None:
        right = model.area_text(roi)
        painter.setPen(QColor(chosen.muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, right)
        room = place.width() - painter.fontMetrics().horizontalAdvance(right) - 12
        if roi.locked:
            icons.paint(painter, "lock", QRectF(place.x() - 2, place.y() + 4, 14, 14), chosen.muted)
            place = place.adjusted(16, 0, 0, 0)
            room -= 16
        font = QFont(painter.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(chosen.text))
        text = elided(painter.fontMetrics(), roi.name or UNNAMED, room)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        font.setWeight(QFont.Weight.Normal)
        painter.setFont(font)

    def _paint_line(self, painter: QPainter, place: QRectF, line: RegionLine, chosen) -> None:
        doubt = tr("Not sure") if line.unsure else ""
        mark = tr("Outdated") if line.outdated else doubt
        font = QFont(painter.font())
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        room = place.width()
        if mark:
            painter.setPen(QColor(chosen.muted if line.outdated else chosen.warning))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(place, flags, mark)
            room -= painter.fontMetrics().horizontalAdvance(mark) + 12
        if line.color is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*line.color))
            painter.drawEllipse(QRectF(place.x(), place.center().y() - 4, 8, 8))
            place = place.adjusted(14, 0, 0, 0)
            room -= 14
        painter.setPen(QColor(chosen.muted))
        text = elided(painter.fontMetrics(), line.text, room, line.share)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
