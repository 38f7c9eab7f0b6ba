"""What stands below a picture of the comparison: its scale, the value at the cursor, numbers."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from ssmamba.explain.colormaps import lookup_table
from viewer.look import tokens
from viewer.look.sizes import scaled
from viewer.text import formats
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, label
from viewer.widgets.layouts import column, row

RAMP_PX, LEAST_RAMP_PX, BAR_PX = 96, 24, 8
HEIGHT_PX = 40


class Ramp(QWidget):
    """The colours of a scale, with a tick at the value that is read."""

    def __init__(self) -> None:
        super().__init__()
        self._colors = QImage()
        self._share: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(RAMP_PX)

    def sizeHint(self) -> QSize:
        return QSize(RAMP_PX, BAR_PX + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_RAMP_PX, BAR_PX + 6)

    def show_colors(self, colormap: str) -> None:
        table = lookup_table(colormap)
        image = QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888)
        self._colors = image.copy()
        self.update()

    def show_share(self, share: float | None) -> None:
        """Where the value lies on the scale, 0..1; None: no value."""
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        bar = QRectF(0.5, 3, self.width() - 1, BAR_PX)
        if not self._colors.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(bar, self._colors)
        painter.setPen(QPen(QColor(tokens.current().strong_border), 1))
        painter.drawRect(bar)
        if self._share is not None:
            x = round(bar.left() + min(max(self._share, 0.0), 1.0) * bar.width())
            painter.setPen(QPen(QColor(tokens.current().text), 2))
            painter.drawLine(x, 0, x, self.height())


class Scale(QWidget):
    """A colour scale with the raw values at its ends."""

    def __init__(self) -> None:
        super().__init__()
        self._low, self._high = label(role="small"), label(role="small")
        self._ramp = Ramp()
        self._ends = (0.0, 1.0)
        line = row(self._low, self._ramp, self._high, None, spacing=4)
        line.setStretch(1, 100)  # the ramp, until it is as long as it gets
        line.setContentsMargins(0, 0, 0, 0)
        self.setLayout(line)

    def show_range(self, low: float, high: float, colormap: str) -> None:
        """low, high: raw values at the ends of the colours."""
        self._ends = (low, high)
        texts = formats.value(low), formats.value(high)
        self._low.setText(texts[0])
        self._high.setText(texts[1])
        self._ramp.show_colors(colormap)
        spoken = tr("Colour scale from {low} to {high}, raw values")
        self.setAccessibleName(spoken.format(low=texts[0], high=texts[1]))
        self.setToolTip(self.accessibleName())

    @property
    def ends(self) -> tuple[str, str]:
        """As they are written."""
        return self._low.text(), self._high.text()

    def show_value(self, value: float) -> None:
        """Mark a raw value; NaN: none."""
        low, high = self._ends
        known = math.isfinite(value) and high > low
        self._ramp.show_share((value - low) / (high - low) if known else None)


class MapFooter(QFrame):
    """Two lines: the map's own colour scale and the raw value at the cursor, then its numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self.scale = Scale()
        self._value = label(role="small")
        self._value.hide()  # until there is one: its room is the scale's
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        self._value.setAlignment(right)
        self._numbers = ElidedLabel(role="small")
        first = row(self.scale, None, self._value, wide=self.scale, spacing=4)
        first.setStretch(1, 0)
        column(self, first, self._numbers, margin=6, upright=2, spacing=0)
        self.setFixedHeight(scaled(HEIGHT_PX))
        self.set_scale_shown(False)

    def set_empty(self, empty: bool) -> None:
        """Nothing to say, below the original; the room stays, so that all views are alike."""
        self._numbers.setVisible(not empty)
        if empty:
            self.set_scale_shown(False)

    def set_scale_shown(self, shown: bool) -> None:
        """Not where one scale is shared, or where there is no map."""
        policy = self.scale.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.scale.setSizePolicy(policy)
        self.scale.setVisible(shown)

    def show_value(self, value: float) -> None:
        """The raw value at the cursor; NaN: none."""
        known = math.isfinite(value)
        self._value.setText(formats.value(value) if known else "")
        self._value.setVisible(known)
        self.scale.show_value(value)

    @property
    def value_text(self) -> str:
        return self._value.text()

    def show_numbers(self, text: str, spoken: str) -> None:
        """spoken: the same in a sentence, for tooltip and screen readers."""
        self._numbers.setText(text)
        self._numbers.setAccessibleName(spoken)
        self.setToolTip(spoken)

    @property
    def numbers_text(self) -> str:
        return self._numbers.text()
