"""A predicted survival curve against the cohort's, painted by one small widget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.look import tokens
from viewer.text.tr import decimal, tr

HEIGHT_PX = 168
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 40, 8, 26, 22  # of the axes' texts and the legend
LINES = (0.0, 0.25, 0.5, 0.75, 1.0)
Steps = tuple[Sequence[float], Sequence[float]]  # times, and the share alive from each of them on


class SurvivalCurve(QWidget):
    """Shares 0..1 over time, as steps."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._own: Steps = ((), ())
        self._cohort: Steps = ((), ())

    def show_curves(self, own: Steps, cohort: Steps, spoken: str) -> None:
        """own: of this patient; cohort: of the patients of training, empty where unknown.

        spoken: the same in words, for screen readers.
        """
        self._own, self._cohort = own, cohort
        self.setAccessibleName(spoken)
        self.update()

    @property
    def last(self) -> float:
        """The end of the time axis."""
        return max((*self._own[0], *self._cohort[0]), default=0.0) or 1.0

    def steps_on(self, curve: Steps, plot: QRectF) -> QPolygonF:
        """The corners of a curve on the widget, level up to each time and then down."""
        corners: list[QPointF] = []
        last = self.last
        for time, share in zip(*curve, strict=True):
            x, y = plot.left() + plot.width() * time / last, plot.bottom() - plot.height() * share
            if corners:
                corners.append(QPointF(x, corners[-1].y()))
            corners.append(QPointF(x, y))
        if corners:
            corners.append(QPointF(plot.right(), corners[-1].y()))
        return QPolygonF(corners)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(max(font.pointSizeF() - 1, 7.0))
        painter.setFont(font)
        plot = QRectF(self.rect()).adjusted(LEFT_PX, TOP_PX, -RIGHT_PX, -BOTTOM_PX)
        self._paint_axes(painter, plot)
        colours = tokens.current()
        for curve, colour, width in (
            (self._cohort, colours.muted, 1.5), (self._own, colours.accent, 2.5),
        ):  # fmt: skip
            painter.setPen(QPen(QColor(colour), width))
            painter.drawPolyline(self.steps_on(curve, plot))

    def _paint_axes(self, painter: QPainter, plot: QRectF) -> None:
        colours = tokens.current()
        middle = Qt.AlignmentFlag.AlignVCenter
        for share in LINES:
            y = plot.bottom() - plot.height() * share
            painter.setPen(QPen(QColor(colours.border), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(colours.muted))
            place = QRectF(0, y - 8, LEFT_PX - 6, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | middle, f"{share * 100:.0f} %")
        below = QRectF(plot.left(), plot.bottom() + 4, plot.width(), BOTTOM_PX - 4)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | middle, "0")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | middle, decimal(f"{self.last:.4g}"))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | middle, tr("time"))
        legend = [(tr("this slide"), colours.accent), (tr("training cohort"), colours.muted)]
        x = plot.left()
        for text, colour in legend if self._cohort[0] else legend[:1]:
            painter.setPen(QPen(QColor(colour), 2.5))
            painter.drawLine(QPointF(x, 10), QPointF(x + 16, 10))
            painter.setPen(QColor(colours.muted))
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.drawText(QRectF(x + 22, 0, width + 4, 20), middle, text)
            x += width + 42
