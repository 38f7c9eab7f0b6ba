"""Notes which parts of the slide are seen, and how near."""

from __future__ import annotations

from PySide6.QtCore import QTimer

from viewer.canvas import SlideCanvas
from viewer.canvas.view import View
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared

LOOK_MS = 250  # what was sharp on the screen for less was not seen


class SeenController(Controller):
    """Connects the canvas, which knows when it is sharp, with the document."""

    def __init__(self, shared: Shared, canvas: SlideCanvas, sessions: SessionController) -> None:
        super().__init__(shared)
        self._canvas = canvas
        self._sessions = sessions
        self._before: View | None = None  # what was in view when the look began
        self._look = QTimer(self, singleShot=True, interval=LOOK_MS)
        self._look.timeout.connect(self._on_looked)
        canvas.settled.connect(self._begin)
        sessions.restored.connect(lambda _: self._begin())
        shared.document.slide_changed.connect(self._show)
        shared.document.seen_changed.connect(self._show)

    @property
    def is_any(self) -> bool:
        seen = self._document.seen
        return seen is not None and seen.is_any

    def forget(self) -> None:
        """Begin anew: nothing of this slide was seen. Undo takes it back."""
        self._document.forget_seen()

    def _begin(self) -> None:
        if not self._look.isActive() and self._canvas.is_settled() and self._is_here():
            self._before = self._canvas.camera.view
            self._look.start()

    def _is_here(self) -> bool:
        """Whether the document is about the slide that is in view."""
        slide = self._document.slide
        is_new = slide is None or self._canvas.camera.info is not slide
        return not is_new and not self._sessions.restoring

    def _on_looked(self) -> None:
        """What was in view all the while was seen, as near as it was at least."""
        before, now, seen = self._before, self._canvas.camera.view, self._document.seen
        if before is None or seen is None or not self._is_here():
            return
        if not self._canvas.scene.shows_all:
            quads = [view.corners for view in (before, now)]
            nearest = max(view.state.downsample for view in (before, now))
            self._document.note_seen(seen.with_view(quads, nearest))
        if now != before:
            self._begin()

    def _show(self) -> None:
        self._canvas.scene.minimap.seen = self._document.seen
        self._canvas.update()
