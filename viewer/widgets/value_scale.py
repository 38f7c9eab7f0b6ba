"""A map's colour scale with a histogram of its raw values, drawn by pyqtgraph."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QWidget

from ssmamba.explain.colormaps import lookup_table
from viewer.look import tokens
from viewer.text import formats
from viewer.text.tr import tr
from viewer.widgets.layouts import column

HEIGHT_PX = 76
BINS = 48


class ValueScale(QWidget):
    """Raw values from low to high; the plot is made when it is seen with a map first."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT_PX)
        self.setAccessibleName(tr("Colour scale of the evidence map"))
        self._layout = column(self, margin=0)
        self._shown: tuple[np.ndarray, float, float, str] | None = None
        self._plot: Any = None
        self._bars: Any = None
        self._ramp: Any = None

    def show_values(self, values: np.ndarray, low: float, high: float, colormap: str) -> None:
        """values: raw map values, any shape; low, high: ends of the colour scale."""
        self._shown = (values, low, high, colormap)
        if self.isVisible():
            self._draw(*self._shown)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._shown is not None:
            self._draw(*self._shown)

    def _draw(self, values: np.ndarray, low: float, high: float, colormap: str) -> None:
        if self._plot is None:
            self._make_plot()
        high = high if high > low else low + 1.0
        finite = values[np.isfinite(values)]
        counts, edges = np.histogram(finite.clip(low, high), bins=BINS, range=(low, high))
        tallest = float(counts.max(initial=1)) or 1.0
        chosen = tokens.current()
        self._bars.setOpts(
            x0=edges[:-1], x1=edges[1:], y0=0.0, height=counts / tallest,
            brush=QColor(chosen.strong_border), pen=None,
        )  # fmt: skip
        self._ramp.setImage(lookup_table(colormap)[:, None, :], autoLevels=False, levels=(0, 255))
        self._ramp.setRect(QRectF(low, -0.42, high - low, 0.3))
        self._plot.setXRange(low, high, padding=0.02)
        self._plot.setYRange(-0.42, 1.0, padding=0.02)
        axis = self._plot.getAxis("bottom")
        axis.setTextPen(QColor(chosen.muted))
        axis.setPen(QColor(chosen.border))
        least, most = (float(f(finite)) if finite.size else low for f in (np.min, np.max))
        ends = {"low": formats.value(least), "high": formats.value(most)}
        self.setToolTip(tr("Raw values of this map: {low} to {high}").format(**ends))

    def _make_plot(self) -> None:
        # .3 s, and here: it derives hundreds of classes from Qt's, and PySide6 6.11 crashes now and
        # then when another thread does that beside the event loop
        import pyqtgraph as pg

        self._plot = pg.PlotWidget(background=None, enableMenu=False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.hideAxis("left")
        self._plot.setFrameStyle(0)
        self._plot.setStyleSheet("background: transparent")
        self._bars = pg.BarGraphItem(x0=[0.0], x1=[1.0], y0=0.0, height=[0.0])
        self._ramp = pg.ImageItem(axisOrder="col-major")
        self._plot.addItem(self._bars)
        self._plot.addItem(self._ramp)
        self._layout.addWidget(self._plot)
        self._plot.show()  # the widget itself may be shown already
