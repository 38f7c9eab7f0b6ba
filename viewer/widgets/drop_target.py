"""Shows where files can be dropped while they are dragged over the window."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from viewer.look import tokens
from viewer.look.sizes import scaled
from viewer.text.tr import tr

INSET_PX, RADIUS_PX, LINE_PX = 12, 10, 2


class DropTarget(QWidget):
    """A frame over its parent; it takes no events."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(tr("Drop to open"))
        self.hide()

    def show_over(self) -> None:
        """Cover the parent as it is now."""
        self.setGeometry(self._over.rect())
        self.raise_()
        self.show()

    def paintEvent(self, _event: object) -> None:
        chosen = tokens.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(INSET_PX, INSET_PX, -INSET_PX, -INSET_PX)
        ground = QColor(chosen.accent)
        ground.setAlpha(28)
        painter.setBrush(ground)
        painter.setPen(QPen(QColor(chosen.accent), LINE_PX, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(frame, RADIUS_PX, RADIUS_PX)
        text = tr("Drop to open")
        font = painter.font()
        font.setPixelSize(scaled(18))
        font.setBold(True)
        painter.setFont(font)
        room = painter.fontMetrics().boundingRect(text).adjusted(-20, -10, 20, 10)
        room.moveCenter(self.rect().center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(chosen.raised))
        painter.drawRoundedRect(room, RADIUS_PX, RADIUS_PX)
        painter.setPen(QColor(chosen.accent))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
