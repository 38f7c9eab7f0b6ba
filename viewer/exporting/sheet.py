"""A sheet of paper in points (1/72 inch), drawn by any painter or only measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QTextLayout,
    QTextOption,
)

INK, MUTED, RULE = "#1b1f26", "#5a6370", "#c6cbd3"  # on white, whatever the window's theme


@dataclass(frozen=True)
class Style:
    """How a text is set."""

    size_pt: float
    bold: bool = False
    color: str = INK
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft

    def muted(self) -> Style:
        return replace(self, color=MUTED)


class Sheet:
    """Draws at places in points, whatever the resolution; without a painter it only measures.

    The painter's own unit is fine (``unit`` of them to a point), so that letters are spaced as the
    font wants them and not by whole points.
    """

    def __init__(self, unit: float, painter: QPainter | None = None) -> None:
        self.unit = unit
        self.painter = painter

    def text(self, x: float, y: float, width: float, text: str, style: Style) -> float:
        """Set a text in lines of ``width``; returns its height."""
        height = 0.0
        for paragraph in text.split("\n"):
            height += self._paragraph(x, y + height, width, paragraph, style)
        return height

    def text_height(self, width: float, text: str, style: Style) -> float:
        """Of a text in lines of ``width``, without setting it."""
        return Sheet(self.unit).text(0, 0, width, text, style)

    def text_width(self, text: str, style: Style) -> float:
        return QFontMetricsF(self._font(style)).horizontalAdvance(text) / self.unit

    def elided(self, text: str, width: float, style: Style) -> str:
        """The text, its middle left out where it is wider than ``width``."""
        metrics = QFontMetricsF(self._font(style))
        return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width * self.unit)

    def fill(self, x: float, y: float, width: float, height: float, color: QColor | str) -> None:
        if self.painter is not None:
            self.painter.fillRect(self.rect(x, y, width, height), QColor(color))

    def rule(self, x: float, y: float, width: float) -> None:
        """A hairline."""
        self.fill(x, y, width, 0.5, RULE)

    def image(self, x: float, y: float, width: float, height: float, image: QImage) -> None:
        if self.painter is not None:
            self.painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            self.painter.drawImage(self.rect(x, y, width, height), image)

    def rect(self, x: float, y: float, width: float, height: float) -> QRectF:
        """A rectangle in the painter's units."""
        return QRectF(x * self.unit, y * self.unit, width * self.unit, height * self.unit)

    def _font(self, style: Style) -> QFont:
        font = QFont()  # the application's
        font.setPixelSize(max(1, round(style.size_pt * self.unit)))
        font.setBold(style.bold)
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        font.setFeature(QFont.Tag("liga"), 0)  # or a search for "differs" misses it in a PDF
        return font

    def _paragraph(self, x: float, y: float, width: float, text: str, style: Style) -> float:
        layout = QTextLayout(text or " ", self._font(style))
        option = QTextOption(style.align)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        height = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width * self.unit)
            line.setPosition(QPointF(0, height))
            height += line.height() * 1.08
        layout.endLayout()
        if self.painter is not None:
            self.painter.setPen(QColor(style.color))
            layout.draw(self.painter, QPointF(x * self.unit, y * self.unit))
        return height / self.unit
