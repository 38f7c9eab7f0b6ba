"""Paints a row of the list of regions: name and area; the user's class; the answer, doubt first."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.roi_shape import DEFAULT_COLOR
from viewer.look import icons, tokens
from viewer.look.sizes import scaled, small_px
from viewer.panels.region_list import (
    UNNAMED,
    LineRole,
    ModelIndex,
    RegionLine,
    RegionModel,
    RoiRole,
)
from viewer.text.tr import tr
from viewer.widgets.basic import elided
from viewer.widgets.mark import paint_mark

LINE_PX = 20  # heights, for letters of 13 px
ROW_PX, ROW_WITH_CLASS_PX = 52, 52 + LINE_PX
MARK_PX = 14
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RegionDelegate(QStyledItemDelegate):
    """All rows are equally high: with a line for the user's class once any region has one."""

    def sizeHint(self, option: QStyleOptionViewItem, index: ModelIndex) -> QSize:
        model = index.model()
        classed = isinstance(model, RegionModel) and model.has_user_classes
        return QSize(160, scaled(ROW_WITH_CLASS_PX if classed else ROW_PX))

    def createEditor(self, parent, option, index):
        editor = QLineEdit(parent)
        editor.setAccessibleName(tr("Region name"))
        return editor

    def updateEditorGeometry(self, editor, option, index) -> None:
        place = option.rect.adjusted(28, 4, -8, 0)
        place.setHeight(scaled(ROW_PX // 2 + 2))
        editor.setGeometry(place)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: ModelIndex) -> None:
        roi: Roi = index.data(RoiRole)
        line: RegionLine = index.data(LineRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        _paint_ground(painter, rect, option.state)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*(roi.color or DEFAULT_COLOR)))
        painter.drawRoundedRect(
            QRectF(rect.x() + 16, rect.y() + 6 + scaled(22) / 2 - 4, 10, 10), 3, 3
        )
        place = QRectF(rect.x() + 36, rect.y() + 6, rect.width() - 48, scaled(22))
        model = index.model()
        assert isinstance(model, RegionModel)
        _paint_name(painter, place, roi, model.area_text(roi))
        font = QFont(painter.font())
        font.setPixelSize(small_px())
        painter.setFont(font)
        if line.user_class:
            place = place.translated(0, scaled(LINE_PX))
            _paint_user_class(painter, place, line)
        _paint_answer(painter, place.translated(0, scaled(LINE_PX)), line)
        painter.restore()


def _paint_ground(painter: QPainter, rect: QRectF, state: QStyle.StateFlag) -> None:
    chosen = tokens.current()
    if state & QStyle.StateFlag.State_Selected:
        painter.fillRect(rect, QColor(chosen.accent_soft))
        painter.fillRect(QRectF(rect.x(), rect.y(), 3, rect.height()), QColor(chosen.accent))
    elif state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(rect, QColor(chosen.hover))
    painter.fillRect(QRectF(rect.x(), rect.bottom() - 1, rect.width(), 1), QColor(chosen.border))


def _paint_name(painter: QPainter, place: QRectF, roi: Roi, area: str) -> None:
    chosen = tokens.current()
    painter.setPen(QColor(chosen.muted))
    painter.drawText(place, RIGHT, area)
    room = place.width() - painter.fontMetrics().horizontalAdvance(area) - 12
    marks = (("eye-off", roi.hidden), ("lock", roi.locked), ("note", bool(roi.note)))
    for name in (name for name, shown in marks if shown):
        box = QRectF(place.x() - 2, place.center().y() - 7, 14, 14)
        icons.paint(painter, name, box, chosen.muted)
        place = place.adjusted(16, 0, 0, 0)
        room -= 16
    font = QFont(painter.font())
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(QColor(chosen.muted if roi.hidden else chosen.text))
    painter.drawText(place, LEFT, elided(painter.fontMetrics(), roi.name or UNNAMED, room))
    font.setWeight(QFont.Weight.Normal)
    painter.setFont(font)


def _paint_user_class(painter: QPainter, place: QRectF, line: RegionLine) -> None:
    """The class that the user gave, and a mark where the answer can be compared with it."""
    room = place.width()
    if line.said.agrees is not None:
        top = place.center().y() - MARK_PX / 2
        mark = QRectF(place.right() - MARK_PX, top, MARK_PX, MARK_PX)
        paint_mark(painter, line.said.agrees, mark)
        room -= MARK_PX + 8
    painter.setPen(QColor(tokens.current().text))
    metrics = painter.fontMetrics()
    text = tr("Your class: {name}").format(name=line.user_class)
    if metrics.horizontalAdvance(text) > room:
        text = line.user_class
    painter.drawText(place, LEFT, elided(metrics, text, room))


def _paint_answer(painter: QPainter, place: QRectF, line: RegionLine) -> None:
    chosen, metrics, said = tokens.current(), painter.fontMetrics(), line.said
    room = place.width()
    if line.outdated:
        mark = tr("Outdated")
        painter.setPen(QColor(chosen.muted))
        painter.drawText(place, RIGHT, mark)
        room -= metrics.horizontalAdvance(mark) + 12
    if said.doubt:
        text = elided(metrics, said.doubt, room)
        painter.setPen(QColor(chosen.warning))
        painter.drawText(place, LEFT, text)
        used = metrics.horizontalAdvance(text) + 10
        place = place.adjusted(used, 0, 0, 0)
        room -= used
    if said.color is not None and room > 4 * MARK_PX:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*said.color))
        painter.drawEllipse(QRectF(place.x(), place.center().y() - 4, 8, 8))
        place = place.adjusted(14, 0, 0, 0)
        room -= 14
    plain = chosen.text if said.name and not said.doubt else chosen.muted
    painter.setPen(QColor(plain))
    share = f" · {said.share}" if said.share else ""
    if said.doubt and metrics.horizontalAdvance(line.text + share) > room:
        share = ""  # beside a doubt the class alone is enough to know
    painter.drawText(place, LEFT, elided(metrics, line.text, room, share))
