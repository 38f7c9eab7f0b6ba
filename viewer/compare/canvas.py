"""The canvas of a cell, linked to others, and that of two maps with a line between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen

from viewer.canvas import Overlay, SlideCanvas
from viewer.canvas.layers.cross import GROUND, INK
from viewer.canvas.layers.overlays import OverlayLayer
from viewer.canvas.view import View

GRIP_PX = 8  # from the line, within which the mouse takes it
STEPS = {Qt.Key.Key_Comma: -0.05, Qt.Key.Key_Period: 0.05}  # of the width
OWN_KEYS = {Qt.Key.Key_A: "a", Qt.Key.Key_B: "b"}


class CellCanvas(SlideCanvas):
    """A view without furniture."""

    pair_chosen = Signal(str)  # "a" or "b": this map is to be that one

    def __init__(self, source: SlideCanvas) -> None:
        super().__init__(decorations=False)
        self.share_source(source)

    def event(self, event: QEvent) -> bool:
        """A and B are this cell's before they are a shortcut of the window."""
        if isinstance(event, QKeyEvent) and not event.modifiers():
            letter = OWN_KEYS.get(Qt.Key(event.key()))
            if letter is not None and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if letter is not None and event.type() == QEvent.Type.KeyPress:
                self.pair_chosen.emit(letter)
                return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            self._paint_focus()

    def _paint_focus(self) -> None:
        painter = QPainter(self)
        try:
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        finally:
            painter.end()


class SplitLayer(OverlayLayer):
    """Two sets of overlays: A left of a line on the screen, B right of it."""

    def __init__(self) -> None:
        super().__init__()
        self.other = OverlayLayer()
        self.split = 0.5  # share of the width, 0..1; 1 shows A alone, 0 B alone

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        """Both, as another slide is opened; see ``show_both``."""
        super().set_overlays(overlays)
        self.other.set_overlays(overlays)

    def show_both(self, a: Sequence[Overlay], b: Sequence[Overlay]) -> None:
        super().set_overlays(a)
        self.other.set_overlays(b)

    def paint(self, painter: QPainter, view: View) -> None:
        self.other.opacity = self.opacity
        line = round(self.split * view.width)
        if line > 0:
            painter.save()
            painter.setClipRect(QRectF(0, 0, line, view.height))
            super().paint(painter, view)
            painter.restore()
        if line < view.width:
            painter.save()
            painter.setClipRect(QRectF(line, 0, view.width - line, view.height))
            self.other.paint(painter, view)
            painter.restore()


class PairCanvas(CellCanvas):
    """Two maps on one view, divided by a line that the mouse and the keyboard move."""

    split_changed = Signal(float)
    _swiping = False  # of the class, too: events come before the canvas is made

    def __init__(self, source: SlideCanvas) -> None:
        super().__init__(source)
        self.layer = SplitLayer()
        self.scene.overlays = self.layer
        self._dragging = False

    @property
    def split(self) -> float:
        return self.layer.split

    def set_split(self, split: float) -> None:
        """Share of the width at which B begins, 0..1."""
        split = min(max(split, 0.0), 1.0)
        if split != self.layer.split:
            self.layer.split = split
            self.update()
            self.split_changed.emit(split)

    def set_swiping(self, swiping: bool) -> None:
        """Whether the line is seen and can be dragged."""
        self._swiping = swiping
        self.update()

    def show_both(self, a: Sequence[Overlay], b: Sequence[Overlay]) -> None:
        self.layer.show_both(a, b)
        self.update()

    def event(self, event: QEvent) -> bool:
        if self._swiping and (self._drag(event) or self._step(event)):
            return True
        return super().event(event)

    def _step(self, event: QEvent) -> bool:
        """The keys that move the line, before they are the tool's or a shortcut of the window."""
        kinds = QEvent.Type
        step = STEPS.get(Qt.Key(event.key())) if isinstance(event, QKeyEvent) else None
        if step is None or event.type() not in (kinds.ShortcutOverride, kinds.KeyPress):
            return False
        event.accept()
        if event.type() == kinds.KeyPress:
            self.set_split(self.split + step)
        return True

    def _drag(self, event: QEvent) -> bool:
        """The line's own share of the mouse."""
        kinds = QEvent.Type
        if event.type() not in (kinds.MouseButtonPress, kinds.MouseMove, kinds.MouseButtonRelease):
            return False
        x, line = event.position().x(), self.split * self.width()  # type: ignore[attr-defined]
        near = math.isclose(x, line, abs_tol=GRIP_PX)
        if event.type() == kinds.MouseButtonPress and near:
            button = event.button()  # type: ignore[attr-defined]
            self._dragging = button == Qt.MouseButton.LeftButton
        elif event.type() == kinds.MouseButtonRelease and self._dragging:
            self._dragging = False
            return True
        elif event.type() == kinds.MouseMove and not self._dragging:
            if near:
                self.setCursor(Qt.CursorShape.SplitHCursor)
            elif self.cursor().shape() == Qt.CursorShape.SplitHCursor:
                self.unsetCursor()
        if self._dragging:
            self.set_split(x / max(1, self.width()))
        return self._dragging

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._swiping:
            return
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            x, middle = self.split * self.width(), self.height() / 2
            for pen in (QPen(GROUND, 4), QPen(INK, 2)):
                painter.setPen(pen)
                painter.drawLine(round(x), 0, round(x), self.height())
            painter.setPen(QPen(GROUND, 1))
            painter.setBrush(INK)
            painter.drawRoundedRect(QRectF(x - 5, middle - 16, 10, 32), 5, 5)
        finally:
            painter.end()
