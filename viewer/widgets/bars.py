"""Class probabilities as bars, painted by one small widget."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.look import tokens
from viewer.look.sizes import scaled
from viewer.text.formats import percent
from viewer.text.tr import tr

ROW_PX = 28  # for letters of 13 px
BAR_PX = 6


@dataclass(frozen=True)
class Bar:
    """One class."""

    name: str
    share: float  # 0..1
    color: tuple[int, int, int]


class ProbabilityBars(QWidget):
    """The classes, most probable first: name and percentage above a bar."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: list[Bar] = []
        self.expanded = False
        self.first_shown = 3  # classes shown until the user expands the list
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_bars(self, bars: list[Bar]) -> None:
        self._bars = sorted(bars, key=lambda bar: -bar.share)
        spoken = ", ".join(f"{b.name} {percent(b.share)}" for b in self._bars)
        self.setAccessibleName(tr("Probabilities: {list}").format(list=spoken))
        self.updateGeometry()
        self.update()

    def set_first_shown(self, count: int) -> None:
        """Number of classes shown until the user expands the list; 0 hides all."""
        if count != self.first_shown:
            self.first_shown = count
            self.updateGeometry()
            self.update()

    def set_expanded(self, expanded: bool) -> None:
        """Show all classes, or only the most probable ones."""
        self.expanded = expanded
        self.updateGeometry()
        self.update()

    @property
    def hidden_count(self) -> int:
        return len(self._bars) - len(self._shown)

    @property
    def can_fold(self) -> bool:
        """Whether some classes are hidden unless the list is expanded."""
        return len(self._folded) < len(self._bars)

    @property
    def _shown(self) -> list[Bar]:
        return self._bars if self.expanded else self._folded

    @property
    def _folded(self) -> list[Bar]:
        """All classes, or the first few; never just one hidden."""
        if 0 < len(self._bars) - self.first_shown <= 1 <= self.first_shown:
            return self._bars
        return self._bars[: self.first_shown]

    def sizeHint(self) -> QSize:
        return QSize(200, len(self._shown) * scaled(ROW_PX))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, len(self._shown) * scaled(ROW_PX))

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, bar in enumerate(self._shown):
            self._paint_bar(painter, bar, row)

    def _paint_bar(self, painter: QPainter, bar: Bar, row: int) -> None:
        chosen = tokens.current()
        high = scaled(ROW_PX)
        top = row * high
        number = percent(bar.share)
        metrics = painter.fontMetrics()
        room = self.width() - metrics.horizontalAdvance("100.0 %") - 8
        text = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, room)
        line = QRectF(0, top, self.width(), high - BAR_PX - 4)
        painter.setPen(QColor(chosen.text if row == 0 else chosen.muted))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
        place = QRectF(0, top + high - BAR_PX - 4, self.width(), BAR_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(chosen.track))
        painter.drawRoundedRect(place, BAR_PX / 2, BAR_PX / 2)
        if bar.share > 0.001:
            place.setWidth(max(BAR_PX, place.width() * bar.share))
            painter.setBrush(QColor(*bar.color))
            painter.drawRoundedRect(place, BAR_PX / 2, BAR_PX / 2)
