"""Keeping the open slide's regions and calibration on disk, and bringing them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.controllers.shared import Controller, Shared
from viewer.saving.keeper import Keeper, Keeping, Loss, Written
from viewer.saving.session import Basis, Session, SessionStore
from viewer.services.background import Background
from viewer.services.notices import describe
from viewer.text import formats

SAVE_DELAY_MS = 600  # after the last change


class SessionController(Controller):
    """Joins the document to the kept sessions."""

    restored = Signal(object)  # SlideInfo; its kept regions are back

    def __init__(self, shared: Shared, store: SessionStore) -> None:
        super().__init__(shared)
        document = shared.document
        self._keeper = Keeper(store)
        self._files = Background(self._messages.report, workers=1, parent=self)  # in order
        self._basis = Basis()  # of the open slide
        self._dirty = False  # changed since it was last handed to the keeper
        self._calibrated = False  # by the user, since the slide was opened
        self._restoring = False
        self._own_change = False  # the document is being changed from here
        self._told: set[str] = set()  # sentences about losses since the last success
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self._save)
        document.rois_changed.connect(self._on_changed)
        document.calibration_changed.connect(self._on_calibrated)

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
        self._write()
        self._basis = Basis()
        self._calibrated = False
        self._restoring = True
        with self._changing():
            self._document.set_slide(info)
        self._files.run(
            lambda: self._keeper.load(info),
            lambda session: self._on_loaded(info, session),
            lambda error: self._on_not_loaded(info, error),
        )

    def finish(self) -> list[Loss]:
        """Write now what is not written yet; returns what could not be."""
        self._hand_over()
        written = self._keeper.write()
        self._on_written(written)
        return [outcome for outcome in written if isinstance(outcome, Loss)]

    def close(self) -> None:
        """After ``finish``; nothing more is kept."""
        self._save_soon.stop()
        self._files.close()

    def _save(self) -> None:
        if not self._restoring:  # until then there is little to save, and much to be merged
            self._hand_over()
            self._write()

    def _write(self) -> None:
        self._files.run(self._keeper.write, self._on_written)

    def _hand_over(self) -> None:
        """Give the keeper what changed."""
        self._save_soon.stop()
        info = self._document.slide
        if info is None or not self._dirty:
            return
        self._dirty = False
        rois = self._document.rois
        self._know(rois)
        whole = not self._restoring
        self._keeper.owe(Keeping(info, rois, self._document.calibration, self._basis, whole))

    def _know(self, rois: Iterable[Roi]) -> None:
        ids = self._basis.ids.union(roi.id for roi in rois)
        self._basis = replace(self._basis, ids=ids)

    # --- results of the worker
    def _on_written(self, written: Sequence[Written]) -> None:
        losses = {sentence_of(w): w for w in written if isinstance(w, Loss)}
        for sentence, loss in losses.items():
            if sentence not in self._told:  # once, not at each try
                self._messages.error(sentence, describe(loss.error).details)
        self._told = set(losses)
        if self._restoring:  # the document takes over what is kept when it is read
            return
        for outcome in written:
            if not isinstance(outcome, Loss) and outcome[0].info is self._document.slide:
                kept = outcome[1]
                new = [roi for roi in kept.others if roi.id not in self._basis.ids]
                self._basis = replace(kept.basis, ids=self._basis.ids | kept.basis.ids)
                self._take_in(new)

    def _take_in(self, others: Sequence[Roi]) -> None:
        """Show what was kept of this slide and is new to this window."""
        if others:
            with self._changing():
                self._document.restore(others, self._document.calibration)
            count = formats.count(len(others), "region")
            self._messages.info(
                f"{count} came in that another window kept or that could not be read before."
            )

    def _on_loaded(self, info: SlideInfo, session: Session) -> None:
        if self._document.slide is not info:
            return
        own = self._document.calibration
        with self._changing():
            self._document.restore(session.rois, own if self._calibrated else session.calibration)
        self._basis = session.basis
        self._restoring = False
        if session.warning:
            self._messages.warn(session.warning, session.details)
        if self._dirty:
            self._save_soon.start()
        self.restored.emit(info)

    def _on_not_loaded(self, info: SlideInfo, error: BaseException) -> None:
        self._messages.error(
            f"The kept regions of {info.name} could not be brought back; their file is left as "
            "it is: open the slide again.",
            describe(error).details,
        )
        self._on_loaded(info, Session())

    # --- changes of the document
    @contextmanager
    def _changing(self) -> Iterator[None]:
        """What changes meanwhile comes from the disk and need not be kept."""
        self._own_change = True
        try:
            yield
        finally:
            self._own_change = False

    def _on_changed(self) -> None:
        if self._document.slide is not None and not self._own_change:
            self._dirty = True
            self._save_soon.start()

    def _on_calibrated(self) -> None:
        self._calibrated = self._calibrated or not self._own_change
        self._on_changed()


def sentence_of(loss: Loss) -> str:
    """What the user should know and do."""
    cause = loss.error.__cause__ or loss.error
    reason = getattr(cause, "strerror", None) or "something unexpected went wrong"
    return (
        f"The regions of {loss.keeping.info.name} could not be kept ({reason}); export them, or "
        "see to it and go on: the next change tries again."
    )
