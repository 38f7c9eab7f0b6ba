"""The state and services shared by all controllers."""

from __future__ import annotations

from PySide6.QtCore import QObject

from viewer.services.background import Background
from viewer.services.notices import MessageCenter
from viewer.state.classes import Classes
from viewer.state.document import Document
from viewer.state.library import ModelLibrary


class Shared(QObject):
    """State and services of one window; its controllers are its children."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.messages = MessageCenter(self)
        self.background = Background(self.messages.report, parent=self)
        self.document = Document()
        self.library = ModelLibrary()
        self.classes = Classes(self.document, self.library)
        self.library.changed.connect(lambda: self.document.maps.follow(self.library.in_use))


class Controller(QObject):
    """Connects a part of the state to files, the engine or the canvas."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._document = shared.document
        self._library = shared.library
        self._messages = shared.messages
        self._background = shared.background
