"""Saving the open slide's regions and settings, and bringing them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.controllers.shared import Controller, Shared
from viewer.saving.save_queue import Outcome, SaveFailure, SaveQueue, UnsavedState
from viewer.saving.session import Basis, Session, SessionStore
from viewer.services.background import Background
from viewer.services.notices import describe
from viewer.text import formats

SAVE_DELAY_MS = 600  # after the last change


class SessionController(Controller):
    """Joins the document to its saved session."""

    restored = Signal(object)  # SlideInfo; its saved regions are back

    def __init__(self, shared: Shared, store: SessionStore) -> None:
        super().__init__(shared)
        document = shared.document
        self._queue = SaveQueue(store)
        self._files = Background(self._messages.report, workers=1, parent=self)  # in order
        self._basis = Basis()  # of the open slide
        self._dirty = False  # changed since it was last queued
        self._settings_changed = False  # by the user, since the slide was opened
        self._restoring = False
        self._own_change = False  # the document is being changed from here
        self._reported: set[str] = set()  # sentences about failures since the last success
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self._save)
        document.rois_changed.connect(self._on_changed)
        document.slide_settings_changed.connect(self._on_settings_changed)

    @property
    def restoring(self) -> bool:
        """Whether what was saved of the slide is still being read."""
        return self._restoring

    @property
    def busy(self) -> bool:
        """Whether something is still to be read or written."""
        return self._restoring or self._dirty or self._files.busy

    def begin(self, info: SlideInfo) -> None:
        """Take the document to another slide; what changed on the one before is saved."""
        self._queue_changes()
        self._write()
        self._basis = Basis()
        self._settings_changed = False
        self._restoring = True
        with self._changing():
            self._document.set_slide(info)
        self._files.run(
            lambda: self._queue.load(info),
            lambda session: self._on_loaded(info, session),
            lambda error: self._on_not_loaded(info, error),
        )

    def finish(self) -> list[SaveFailure]:
        """Write now what is not written yet; returns what could not be."""
        self._queue_changes()
        written = self._queue.write()
        self._on_written(written)
        return [outcome for outcome in written if isinstance(outcome, SaveFailure)]

    def close(self) -> None:
        """After ``finish``; nothing more is saved."""
        self._save_soon.stop()
        self._files.close()

    def _save(self) -> None:
        if not self._restoring:  # until then there is little to save, and much to be merged
            self._queue_changes()
            self._write()

    def _write(self) -> None:
        self._files.run(self._queue.write, self._on_written)

    def _queue_changes(self) -> None:
        self._save_soon.stop()
        info = self._document.slide
        if info is None or not self._dirty:
            return
        self._dirty = False
        rois = self._document.rois
        self._know(rois)
        whole = not self._restoring
        self._queue.add(UnsavedState(info, rois, self._document.slide_settings, self._basis, whole))

    def _know(self, rois: Iterable[Roi]) -> None:
        ids = self._basis.ids.union(roi.id for roi in rois)
        self._basis = replace(self._basis, ids=ids)

    # --- results of the worker
    def _on_written(self, written: Sequence[Outcome]) -> None:
        failures = {failure_text(w): w for w in written if isinstance(w, SaveFailure)}
        for sentence, failure in failures.items():
            if sentence not in self._reported:  # once, not at each try
                self._messages.error(sentence, describe(failure.error).details)
        self._reported = set(failures)
        if self._restoring:  # the document takes over what is saved when it is read
            return
        for outcome in written:
            if not isinstance(outcome, SaveFailure) and outcome[0].info is self._document.slide:
                saved = outcome[1]
                new = [roi for roi in saved.others if roi.id not in self._basis.ids]
                self._basis = replace(saved.basis, ids=self._basis.ids | saved.basis.ids)
                self._take_in(new)

    def _take_in(self, others: Sequence[Roi]) -> None:
        """Show what was saved of this slide and is new to this window."""
        if others:
            with self._changing():
                self._document.restore(others, self._document.slide_settings)
            count = formats.count(len(others), "region")
            self._messages.info(
                f"{count} came in that another window kept or that could not be read before."
            )

    def _on_loaded(self, info: SlideInfo, session: Session) -> None:
        if self._document.slide is not info:
            return
        own = self._document.slide_settings
        with self._changing():
            self._document.restore(
                session.rois, own if self._settings_changed else session.settings
            )
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
        """What changes meanwhile comes from the disk and need not be saved."""
        self._own_change = True
        try:
            yield
        finally:
            self._own_change = False

    def _on_changed(self) -> None:
        if self._document.slide is not None and not self._own_change:
            self._dirty = True
            self._save_soon.start()

    def _on_settings_changed(self) -> None:
        self._settings_changed = self._settings_changed or not self._own_change
        self._on_changed()


def failure_text(failure: SaveFailure) -> str:
    """What the user should know and do."""
    cause = failure.error.__cause__ or failure.error
    reason = getattr(cause, "strerror", None) or "something unexpected went wrong"
    return (
        f"The regions of {failure.state.info.name} could not be kept ({reason}); export them, or "
        "see to it and go on: the next change tries again."
    )
