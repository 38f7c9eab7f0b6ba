"""Opens slides and lists the recent ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal

from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared
from viewer.saving.recents import Recents, is_there
from viewer.services.background import Background
from viewer.text import formats
from viewer.text.tr import tr, translated


class SlideController(Controller):
    """Connects the canvas to the document and its saved sessions."""

    opened = Signal(object)  # SlideInfo; its saved regions have been restored
    failed = Signal(str)  # message
    opening = Signal(str)  # file name
    recents_changed = Signal(list)  # paths, newest first

    def __init__(
        self, shared: Shared, canvas: SlideCanvas, sessions: SessionController, recents: Recents
    ) -> None:
        super().__init__(shared)
        document = shared.document
        self._canvas = canvas
        self._sessions = sessions
        self._recents = recents
        self._lookups = Background(
            shared.messages.report, workers=1, parent=self
        )  # may wait for a drive
        self._wanted: str | None = None
        self.open_files: list[str] = []
        canvas.slide_opened.connect(self._on_opened)
        canvas.slide_failed.connect(self._on_failed)
        canvas.read_failed.connect(self._messages.warn)
        sessions.restored.connect(self._on_restored)
        document.slide_settings_changed.connect(self._on_slide_settings)
        document.look_changed.connect(self._on_look)

    @property
    def coming(self) -> str | None:
        """Path of the requested slide until it is open and its regions are restored."""
        slide = self._document.slide
        if self._wanted is None and slide is not None and self._sessions.restoring:
            return slide.path
        return self._wanted

    @property
    def busy(self) -> bool:
        return self.coming is not None

    def open(self, path: str) -> None:
        """Start to open a slide; the current one stays until then."""
        self._wanted = str(Path(path))  # as SlideInfo has it
        self.opening.emit(Path(path).name)
        self._canvas.open_slide(path)

    def open_if_there(self, path: str) -> None:
        """Open the slide of the last start, unless it is gone or another has been asked for."""

        def opened(is_there: bool) -> None:
            if is_there and self.coming is None and self._document.slide is None:
                self.open(path)

        self._lookups.run(lambda: is_there(path), opened)

    def read_recents(self) -> None:
        """Look up which recent slides still exist; a dead network drive makes this slow."""
        self._lookups.run(self._recents.paths, self.recents_changed.emit)

    def remember(self, paths: Sequence[str]) -> None:
        """List slides that the user can switch between."""
        absolute = [str(Path(path).absolute()) for path in paths]
        self.open_files = list(dict.fromkeys([*self.open_files, *absolute]))

    def close(self) -> None:
        self._recents.stop()
        self._lookups.close()

    def _on_opened(self, info: SlideInfo) -> None:
        self._wanted = None
        self.remember([info.path])
        if info.notes:
            self._messages.warn(f"{info.name}: {' '.join(map(translated, info.notes))}")
        self._sessions.begin(info)
        self._lookups.run(
            lambda: self._recents.note(info.path), lambda _: self.read_recents(), due=True
        )

    def _on_restored(self, info: SlideInfo) -> None:
        """Name the session that was found; what was drawn meanwhile is no part of it."""
        if self._sessions.found:
            regions = formats.regions(self._sessions.found)
            text = tr("{regions} restored.").format(regions=regions)
            if self._sessions.saved_at is not None:
                day = formats.day(datetime.fromtimestamp(self._sessions.saved_at))
                text = tr("{regions} from {day} restored.").format(regions=regions, day=day)
            self._messages.info(text)
        self.opened.emit(info)

    def _on_failed(self, message: str, details: str) -> None:
        self._wanted = None
        self._messages.error(message, details)
        self.failed.emit(message)

    def _on_slide_settings(self) -> None:
        self._canvas.set_mpp(self._document.slide_settings.mpp)
        self._canvas.set_icc_enabled(self._document.slide_settings.icc)

    def _on_look(self) -> None:
        self._canvas.set_colors(self._document.slide_settings.colors)
