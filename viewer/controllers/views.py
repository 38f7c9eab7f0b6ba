"""Follows what is looked at on the slide, and shows it again when the slide is opened again."""

from __future__ import annotations

from dataclasses import replace

from viewer.canvas import SlideCanvas
from viewer.canvas.types import ViewState
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared


class ViewController(Controller):
    """Connects the camera to the document."""

    def __init__(self, shared: Shared, canvas: SlideCanvas, sessions: SessionController) -> None:
        super().__init__(shared)
        self._camera = canvas.camera
        self._sessions = sessions
        canvas.camera.changed.connect(self._on_moved)
        shared.document.look_changed.connect(self._on_look)
        sessions.restored.connect(self._on_restored)

    def _on_moved(self, state: ViewState) -> None:
        slide = self._document.slide
        if slide is None or self._camera.info is not slide or self._sessions.restoring:
            return
        place = (state.center_x, state.center_y, state.downsample)
        self._document.note_view(None if self._camera.fits else place)
        settings = self._document.slide_settings
        if state.rotation != settings.rotation:
            self._document.set_slide_settings(replace(settings, rotation=state.rotation))

    def _on_look(self) -> None:
        rotation = self._document.slide_settings.rotation
        if self._camera.info is self._document.slide and self._camera.state.rotation != rotation:
            self._camera.turn_to(rotation)

    def _on_restored(self, info: object) -> None:
        view = self._document.view
        if self._camera.info is info and view is not None and self._camera.fits:
            self._camera.look(ViewState(*view, self._camera.state.rotation))
        else:
            self._on_moved(self._camera.state)
