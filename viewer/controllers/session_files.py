"""Saves the session of the open slide as a file, and takes such a file in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal

from ssmamba.slides.slide import SlideInfo
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared
from viewer.controllers.slides import SlideController
from viewer.saving.session_file import SessionFile, read_session_file
from viewer.text.tr import tr


class SessionFileController(Controller):
    """A file that is opened before its slide waits for it."""

    opened = Signal(str)  # path of the session's file

    def __init__(
        self, shared: Shared, sessions: SessionController, slides: SlideController
    ) -> None:
        super().__init__(shared)
        self._sessions = sessions
        self._slides = slides
        self._waiting: list[tuple[str, SessionFile]] = []  # for the slide that is being opened
        slides.opened.connect(self._on_slide)
        slides.failed.connect(lambda _: self._waiting.clear())

    def save_as(self, path: str) -> None:
        """Write everything that is kept of the open slide to a file."""
        text = tr("Saved the session to {path}.").format(path=path)
        self._sessions.write_file(Path(path), lambda: self._messages.info(text))

    def open(self, path: str) -> None:
        """Take a session's file into that of its slide, which is opened if it lies beside it."""
        self._background.run(
            lambda: read_session_file(Path(path)), lambda file: self._on_read(path, file)
        )

    def _on_read(self, path: str, file: SessionFile) -> None:
        slide = self._document.slide
        beside = Path(path).absolute().parent / file.slide_name
        if self._slides.coming is not None:
            self._waiting.append((path, file))
        elif slide is not None and file.is_of(slide):
            self._join(path, file)
        elif file.slide_name and beside.is_file() and (slide is None or str(beside) != slide.path):
            self._waiting.append((path, file))
            self._slides.open(str(beside))
        elif slide is None:
            text = tr("This session is of {name}. Open that slide, then the session again.")
            self._messages.warn(text.format(name=file.slide_name))
        else:
            self._refuse(file, slide)

    def _on_slide(self, info: SlideInfo) -> None:
        waiting, self._waiting = self._waiting, []
        for path, file in waiting:
            if file.is_of(info):
                self._join(path, file)
            else:
                self._refuse(file, info)

    def _join(self, path: str, file: SessionFile) -> None:
        self._sessions.join(file.session)
        if file.session.warning:
            self._messages.warn(file.session.warning)
        self.opened.emit(path)

    def _refuse(self, file: SessionFile, slide: SlideInfo) -> None:
        text = tr(
            "This session is of {other}, not of {name}; nothing was taken. Open its slide, then "
            "the session again."
        )
        self._messages.warn(text.format(other=file.slide_name, name=slide.name))
