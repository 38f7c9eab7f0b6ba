"""The parts of the window between which the keyboard moves, and hiding those beside the slide."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMainWindow, QToolBar, QWidget


class Areas:
    """The slide, the panels around it and the tool bar of a window."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._middle: Sequence[QWidget] = ()
        self._beside: Sequence[QWidget] = ()
        self._hidden: list[QWidget] = []

    def set_parts(self, middle: Sequence[QWidget], beside: Sequence[QWidget]) -> None:
        """middle: the slide and what stands there with it. beside: the panels."""
        self._middle, self._beside = middle, beside

    @property
    def are_panels_hidden(self) -> bool:
        return bool(self._beside) and all(part.isHidden() for part in self._beside)

    def switch_panels(self) -> None:
        """Hide all panels, or show those that were shown before (all, where nobody knows)."""
        if self.are_panels_hidden:
            for part in self._hidden or self._beside:
                part.show()
            self._hidden = []
        else:
            self._hidden = [part for part in self._beside if not part.isHidden()]
            for part in self._hidden:
                part.hide()

    def switch_full_screen(self) -> None:
        """The window fills the screen, or is as it was."""
        self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowFullScreen)

    @property
    def is_full_screen(self) -> bool:
        return bool(self._window.windowState() & Qt.WindowState.WindowFullScreen)

    def focus_next(self, step: int = 1) -> None:
        """Move the keyboard to the next part of the window (step -1: to the one before)."""
        bars = self._window.findChildren(QToolBar)
        parts = [part for part in (*self._middle, *self._beside, *bars) if part.isVisible()]
        now = QApplication.focusWidget()
        at = next((i for i, part in enumerate(parts) if _holds(part, now)), 0 if step < 0 else -1)
        for distance in range(1, len(parts) + 1):
            if _focus(parts[(at + step * distance) % len(parts)]):
                return


def _holds(part: QWidget, widget: QWidget | None) -> bool:
    return widget is not None and (part is widget or part.isAncestorOf(widget))


def _focus(part: QWidget) -> bool:
    """Give the keyboard to the first control of a part; False where it has none."""
    for widget in (part, *part.findChildren(QWidget)):
        takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if takes and widget.isEnabled() and widget.isVisible():
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            return True
    return False
