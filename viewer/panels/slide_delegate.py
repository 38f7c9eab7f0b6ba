"""Paints a row of the list of slides: small picture, name, folder, and a cross to close it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from viewer.look import icons, tokens
from viewer.look.sizes import scaled, small_px
from viewer.text.tr import tr
from viewer.widgets.basic import elided

PathRole = int(Qt.ItemDataRole.UserRole)
AboutRole, PictureRole, OpenRole, MissingRole = (PathRole + at for at in range(1, 5))
ROW_PX = 56  # for letters of 13 px
PICTURE_PX = (64, 44)  # room for the picture, logical pixels
CROSS_PX = 14
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
MIDDLE = Qt.TextElideMode.ElideMiddle  # the ends of slides' names tell them apart


class SlideDelegate(QStyledItemDelegate):
    """All rows are equally high."""

    def sizeHint(self, option: QStyleOptionViewItem, index) -> QSize:
        return QSize(120, scaled(ROW_PX))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index) -> None:
        chosen = tokens.current()
        rect, state = QRectF(option.rect), option.state
        is_open, missing = index.data(OpenRole), index.data(MissingRole)
        painter.save()
        _paint_ground(painter, rect, state, is_open)
        room = QRectF(rect.x() + 14, rect.center().y() - PICTURE_PX[1] / 2, *PICTURE_PX)
        painter.setOpacity(0.45 if missing else 1.0)
        _paint_picture(painter, room, index.data(PictureRole))
        painter.setOpacity(1.0)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if hovered:
            cross = cross_of(rect).center()
            box = QRectF(cross.x() - CROSS_PX / 2, cross.y() - CROSS_PX / 2, CROSS_PX, CROSS_PX)
            icons.paint(painter, "close", box, chosen.muted)
        left = room.right() + 12
        width = (cross_of(rect).x() if hovered else rect.right() - 12) - left
        half = scaled(20)
        line = QRectF(left, rect.center().y() - half, width, half)
        font = QFont(painter.font())
        font.setWeight(QFont.Weight.DemiBold if is_open else QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(QColor(chosen.muted if missing else chosen.text))
        about = tr("Not found") if missing else index.data(AboutRole)
        name = index.data(Qt.ItemDataRole.DisplayRole)
        first, rest = (name, "") if missing else broken(painter.fontMetrics(), name, width)
        for text in (first, rest):
            painter.drawText(line, LEFT, elided(painter.fontMetrics(), text, width, cut=MIDDLE))
            line.translate(0, half)
        if not rest:
            line.translate(0, -half)
            font.setWeight(QFont.Weight.Normal)
            font.setPixelSize(small_px())
            painter.setFont(font)
            painter.setPen(QColor(chosen.warning if missing else chosen.muted))
            painter.drawText(line, LEFT, elided(painter.fontMetrics(), about, width, cut=MIDDLE))
        painter.restore()


def broken(metrics: QFontMetrics, name: str, width: float) -> tuple[str, str]:
    """A name that is wider than its line in two parts, if it can be after a sign between words."""
    fits = len(name)
    while fits > 1 and metrics.horizontalAdvance(name[:fits]) > width:
        fits -= 1
    at = max((i + 1 for i in range(fits // 2, fits) if name[i] in "-_. "), default=fits)
    return (name, "") if fits == len(name) else (name[:at], name[at:])


def cross_of(row: QRectF) -> QRectF:
    """Where a click closes the slide."""
    return QRectF(row.right() - 34, row.y(), 34, row.height())


def _paint_ground(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, is_open: bool) -> None:
    chosen = tokens.current()
    flags = QStyle.StateFlag
    if is_open:
        painter.fillRect(rect, QColor(chosen.accent_soft))
        painter.fillRect(QRectF(rect.x(), rect.y(), 3, rect.height()), QColor(chosen.accent))
    elif state & flags.State_MouseOver:
        painter.fillRect(rect, QColor(chosen.hover))
    painter.fillRect(QRectF(rect.x(), rect.bottom() - 1, rect.width(), 1), QColor(chosen.border))
    if state & flags.State_Selected and state & flags.State_HasFocus:
        painter.setPen(QColor(chosen.accent))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0.5, 0.5, -1.5, -2.5))


def _paint_picture(painter: QPainter, room: QRectF, picture: QImage) -> None:
    """The picture in the middle of its room, on white as the slide is; else an icon."""
    chosen = tokens.current()
    if picture.isNull():
        side = room.height() / 2
        box = QRectF(room.center().x() - side / 2, room.center().y() - side / 2, side, side)
        icons.paint(painter, "slide", box, chosen.strong_border)
        return
    factor = min(room.width() / picture.width(), room.height() / picture.height())
    place = QRectF(0, 0, picture.width() * factor, picture.height() * factor)
    place.moveCenter(room.center())
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(place, picture)
    painter.setPen(QColor(chosen.border))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(place)
