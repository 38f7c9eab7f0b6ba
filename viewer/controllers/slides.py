"""Opening slides, and keeping their regions on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ssmamba.slide import SlideInfo
from viewer.background import Background
from viewer.canvas import SlideCanvas
from viewer.document import Document
from viewer.messages import MessageCenter
from viewer.recents import Recents
from viewer.session import Session, SessionStore

SAVE_DELAY_MS = 600  # after the last change


class SlideController(QObject):
    """Joins the canvas to the document and to the kept sessions."""

    opened = Signal(object)  # SlideInfo; its kept regions are back
    failed = Signal(str)  # one sentence
    opening = Signal(str)  # file name
    recents_changed = Signal(list)  # paths, newest first

    def __init__(
        self,
        document: Document,
        canvas: SlideCanvas,
        store: SessionStore,
        recents: Recents,
        messages: MessageCenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._canvas = canvas
        self._store = store
        self._recents = recents
        self._messages = messages
        self._files = Background(messages.report, workers=1, parent=self)  # saves stay in order
        self._dirty = False
        self._restoring = False
        self._wanted: str | None = None
        self.open_files: list[str] = []
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self.save)
        canvas.slide_opened.connect(self._on_opened)
        canvas.slide_failed.connect(self._on_failed)
        canvas.read_failed.connect(messages.warn)
        document.rois_changed.connect(self._on_changed)
        document.calibration_changed.connect(self._on_calibrated)

    @property
    def busy(self) -> bool:
        return self._wanted is not None or self._restoring

    def open(self, path: str) -> None:
        """Begin to open a slide; the one that is shown stays until then."""
        self._wanted = path
        self.opening.emit(Path(path).name)
        self._canvas.open_slide(path)

    def read_recents(self) -> None:
        """Look up which recent slides still exist; a dead network drive may take its time."""
        self._files.run(self._recents.paths, self.recents_changed.emit)

    def remember(self, paths: Sequence[str]) -> None:
        """List slides that the user can switch between."""
        absolute = [str(Path(path).absolute()) for path in paths]
        self.open_files = list(dict.fromkeys([*self.open_files, *absolute]))

    def save(self) -> None:
        """Keep the regions now, on a worker."""
        self._save_soon.stop()
        info = self._document.slide
        if info is None or not self._dirty or self._restoring:
            return
        self._dirty = False
        rois, calibration = self._document.rois, self._document.calibration
        self._files.run(lambda: self._store.save(info, rois, calibration))

    def close(self) -> None:
        """Keep what is not kept yet and wait for it."""
        self.save()
        self._files.close()

    def _on_opened(self, info: SlideInfo) -> None:
        self._wanted = None
        self.save()  # of the slide that is left
        self._restoring = True
        self._document.set_slide(info)
        self.remember([info.path])
        self._files.run(lambda: self._recents.note(info.path), lambda _: self.read_recents())
        self._files.run(
            lambda: self._store.load(info),
            lambda session: self._on_restored(info, session),
            lambda error: self._on_unreadable(info, error),
        )

    def _on_restored(self, info: SlideInfo, session: Session) -> None:
        if self._document.slide is not info:
            return
        drawn_meanwhile = bool(self._document.rois)
        self._document.restore(session.rois, session.calibration)
        self._restoring = False
        if drawn_meanwhile:
            self._on_changed()
        self.opened.emit(info)

    def _on_unreadable(self, info: SlideInfo, error: BaseException) -> None:
        kept = self._store.set_aside(info)
        self._messages.warn(
            f"The kept regions of {info.name} cannot be read; they were set aside in {kept}.",
            str(error),
        )
        self._on_restored(info, Session())

    def _on_failed(self, message: str, details: str) -> None:
        self._wanted = None
        self._messages.error(message, details)
        self.failed.emit(message)

    def _on_changed(self) -> None:
        if self._document.slide is not None and not self._restoring:
            self._dirty = True
            self._save_soon.start()

    def _on_calibrated(self) -> None:
        self._canvas.set_mpp(self._document.calibration.mpp)
        self._canvas.set_icc_enabled(self._document.calibration.icc)
        self._on_changed()
