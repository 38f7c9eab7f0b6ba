"""An image from raw pixels, shown with its aspect ratio."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.look import tokens


class Picture(QWidget):
    """A square area for one image; a pale field when empty."""

    clicked = Signal()

    def __init__(self, name: str, smallest: int = 64) -> None:
        super().__init__()
        self._image = QImage()
        self._smallest = smallest
        self.setAccessibleName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_pixels(self, pixels: bytes, rows: int, columns: int) -> None:
        """pixels: HWC uint8 RGB as bytes, C order."""
        view = QImage(pixels, columns, rows, columns * 3, QImage.Format.Format_RGB888)
        self._image = view.convertToFormat(QImage.Format.Format_RGB32)
        self.update()

    def clear(self) -> None:
        self._image = QImage()
        self.update()

    @property
    def image(self) -> QImage:
        return self._image

    def heightForWidth(self, width: int) -> int:
        return width

    def sizeHint(self) -> QSize:
        return QSize(self._smallest, self._smallest)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._smallest, self._smallest)

    def mouseReleaseEvent(self, event: object) -> None:
        self.clicked.emit()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = min(self.width(), self.height())
        place = QRectF((self.width() - side) / 2, 0, side, side)
        path = QPainterPath()
        path.addRoundedRect(place, 4, 4)
        painter.setClipPath(path)
        painter.fillRect(place, QColor(tokens.current().track))
        if not self._image.isNull():
            size = self._image.size().scaled(
                place.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio
            )
            at = place.center()
            target = QRectF(at.x() - size.width() / 2, at.y() - size.height() / 2,
                            size.width(), size.height())  # fmt: skip
            painter.drawImage(target, self._image)
