"""Where the reading of a slide began, and whether the view is elsewhere by now."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.canvas import SlideCanvas
from viewer.tiles.pyramid import Rect

MOVED_MS = 700  # after the last movement of the view
MOVED_SHARE = 0.25  # of the view, by which it must have moved for the order to change


class ScanView(QObject):
    """Follows the view of a canvas."""

    moved = Signal()  # the view is elsewhere and rests there

    def __init__(self, canvas: SlideCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._begun: Rect | None = None
        self._rest = QTimer(self, singleShot=True, interval=MOVED_MS)
        self._rest.timeout.connect(self._look)
        canvas.view_changed.connect(lambda _: self._rest.start())

    def begin(self) -> Rect:
        """The view of now, level-0 pixels, from which it is followed."""
        self._begun = self._canvas.camera.view.rect
        return self._begun

    def close(self) -> None:
        self._rest.stop()

    def _look(self) -> None:
        new = self._canvas.camera.view.rect
        if self._begun is not None and moved_share(self._begun, new) > MOVED_SHARE:
            self.moved.emit()


def moved_share(old: Rect, new: Rect) -> float:
    """By how much of its own sides a view has moved, the most of its four edges."""
    width, height = old[2] - old[0], old[3] - old[1]
    return max(abs(new[i] - old[i]) / (width if i % 2 == 0 else height) for i in range(4))
