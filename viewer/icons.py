"""Icons drawn from our SVG files in the colour of the theme."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from viewer import theme

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "icons"
INK = b"#000000"  # the stroke colour in the files


@lru_cache(maxsize=256)
def _renderer(name: str, color: str) -> QSvgRenderer:
    svg = (FOLDER / f"{name}.svg").read_bytes().replace(INK, color.encode())
    return QSvgRenderer(QByteArray(svg))


def paint(painter: QPainter, name: str, rect: QRectF, color: str) -> None:
    """Draw an icon into a rectangle."""
    _renderer(name, color).render(painter, rect)


class _ThemedIcon(QIconEngine):
    """Takes its colour from the theme at the time of painting, so a theme change needs nothing."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def paint(self, painter: QPainter, rect, mode, state) -> None:
        chosen = theme.tokens()
        color = getattr(chosen, self._role)
        if mode == QIcon.Mode.Disabled:
            color = chosen.strong_border
        elif state == QIcon.State.On:
            color = chosen.accent
        paint(painter, self._name, QRectF(rect), color)

    def pixmap(self, size: QSize, mode, state) -> QPixmap:
        pixmap = QPixmap(size)
        if pixmap.isNull():  # an empty size: a button that is being laid out
            return pixmap
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap

    def scaledPixmap(self, size: QSize, mode, state, scale: float) -> QPixmap:
        return self.pixmap(size, mode, state)

    def clone(self) -> QIconEngine:
        return _ThemedIcon(self._name, self._role)


def icon(name: str, role: str = "text") -> QIcon:
    """A themed icon. role: field of ``theme.Tokens`` that colours it."""
    return QIcon(_ThemedIcon(name, role))
