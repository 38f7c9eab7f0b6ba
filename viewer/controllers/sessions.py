"""Keeping the open slide's regions and calibration on disk, and bringing them back."""

from __future__ import annotations


from PySide6.QtCore import QObject, QTimer, Signal

from ssmamba.slide import SlideInfo
from viewer.background import Background
from viewer.document import Document
from viewer.keeper import Keeper, Keeping, Loss
from viewer.messages import MessageCenter, describe
from viewer.session import Session, SessionStore

SAVE_DELAY_MS = 600  # after the last change


class SessionController(QObject):
    """Joins the document to the kept sessions."""

    restored = Signal(object)  # SlideInfo; its kept regions are back

    def __init__(
        self,
        document: Document,
        store: SessionStore,
        messages: MessageCenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._store = store
        self._keeper = Keeper(store)
        self._messages = messages
        self._files = Background(messages.report, workers=1, parent=self)  # in order
        self._dirty = False  # changed since it was last handed to the keeper
        self._restoring = False
        self._told: set[str] = set()  # sentences about losses since the last success
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self._save)
        document.rois_changed.connect(self._on_changed)
        document.calibration_changed.connect(self._on_changed)

    @property
    def restoring(self) -> bool:
        """Whether what was kept of the slide is still being read."""
        return self._restoring

    @property
    def busy(self) -> bool:
        """Whether something is still to be read or written."""
        return self._restoring or self._dirty or self._files.busy

    def begin(self, info: SlideInfo) -> None:
        """Take the document to another slide; what changed on the one before is kept."""
        self._hand_over()
        self._files.run(self._keeper.write, self._on_written)
        self._restoring = True
        self._document.set_slide(info)
        self._files.run(
            lambda: self._keeper.load(info),
            lambda session: self._on_loaded(info, session),
            lambda error: self._on_unreadable(info, error),
        )

    def finish(self) -> list[Loss]:
        """Write now what is not written yet; returns what could not be."""
        self._hand_over()
        return self._keeper.write()

    def close(self) -> None:
        """After ``finish``; nothing more is kept."""
        self._save_soon.stop()
        self._files.close()

    def _save(self) -> None:
        if self._hand_over():
            self._files.run(self._keeper.write, self._on_written)

    def _hand_over(self) -> bool:
        """Give the keeper what changed; False when nothing did."""
        self._save_soon.stop()
        info = self._document.slide
        if info is None or not self._dirty or self._restoring:
            return False
        self._dirty = False
        self._keeper.owe(Keeping(info, self._document.rois, self._document.calibration))
        return True

    def _on_written(self, losses: list[Loss]) -> None:
        """Tell of a trouble once, not at each try."""
        sentences = {sentence_of(loss): loss for loss in losses}
        for sentence, loss in sentences.items():
            if sentence not in self._told:
                self._messages.error(sentence, describe(loss.error).details)
        self._told = set(sentences)

    def _on_loaded(self, info: SlideInfo, session: Session) -> None:
        if self._document.slide is not info:
            return
        drawn_meanwhile = bool(self._document.rois)
        self._document.restore(session.rois, session.calibration)
        self._restoring = False
        if drawn_meanwhile:
            self._on_changed()
        self.restored.emit(info)

    def _on_unreadable(self, info: SlideInfo, error: BaseException) -> None:
        kept = self._store.set_aside(info)
        self._messages.warn(
            f"The kept regions of {info.name} cannot be read; they were set aside in {kept}.",
            str(error),
        )
        self._on_loaded(info, Session())

    def _on_changed(self) -> None:
        if self._document.slide is not None and not self._restoring:
            self._dirty = True
            self._save_soon.start()


def sentence_of(loss: Loss) -> str:
    """What the user should know and do."""
    cause = loss.error.__cause__ or loss.error
    reason = getattr(cause, "strerror", None) or "something unexpected went wrong"
    return (
        f"The regions of {loss.keeping.info.name} could not be kept ({reason}); export them, or "
        "see to it and go on: the next change tries again."
    )
