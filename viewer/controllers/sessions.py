"""Saves and restores the open slide's regions and settings."""

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
from viewer.text.tr import tr

SAVE_DELAY_MS = 600  # after the last change


class SessionController(Controller):
    """Connects the document to its saved session."""

    restored = Signal(object)  # SlideInfo

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
        self._reported: set[str] = set()  # failures reported since the last successful save
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self._save)
        document.rois_changed.connect(self._on_changed)
        document.slide_settings_changed.connect(self._on_settings_changed)

    @property
    def restoring(self) -> bool:
        """Whether the slide's saved state is still being read."""
        return self._restoring

    @property
    def busy(self) -> bool:
        """Whether anything is still to be read or written."""
        return self._restoring or self._dirty or self._files.busy

    def begin(self, info: SlideInfo) -> None:
        """Switch the document to another slide; changes of the previous one are saved."""
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
        """Write all changes now; returns those that could not be written."""
        self._queue_changes()
        written = self._queue.write()
        self._on_written(written)
        return [outcome for outcome in written if isinstance(outcome, SaveFailure)]

    def close(self) -> None:
        """After ``finish``; nothing more is saved."""
        self._save_soon.stop()
        self._files.close()

    def _save(self) -> None:
        if not self._restoring:  # until then there is little to save, and much to merge
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
            if sentence not in self._reported:  # once, not at each retry
                self._messages.error(sentence, describe(failure.error).details)
        self._reported = set(failures)
        if self._restoring:  # the document adopts the saved state when it has been read
            return
        for outcome in written:
            if not isinstance(outcome, SaveFailure) and outcome[0].info is self._document.slide:
                saved = outcome[1]
                new = [roi for roi in saved.others if roi.id not in self._basis.ids]
                self._basis = replace(saved.basis, ids=self._basis.ids | saved.basis.ids)
                self._take_in(new)

    def _take_in(self, others: Sequence[Roi]) -> None:
        """Show saved regions of this slide that are new to this window."""
        if others:
            with self._changing():
                self._document.restore(others, self._document.slide_settings)
            text = tr("Added {regions} that another window saved or that could not be read before.")
            self._messages.info(text.format(regions=formats.count(len(others), "region")))

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
        text = tr(
            "Could not restore the saved regions of {name}; the file was left unchanged. "
            "Open the slide again to retry."
        )
        self._messages.error(text.format(name=info.name), describe(error).details)
        self._on_loaded(info, Session())

    # --- changes of the document
    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Changes made within come from the disk and need not be saved."""
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
    """The message for the user."""
    cause = failure.error.__cause__ or failure.error
    reason = getattr(cause, "strerror", None) or tr("unexpected error")
    return tr(
        "Could not save the regions of {name} ({reason}). Export them or free some space; "
        "saving is retried at the next change."
    ).format(name=failure.state.info.name, reason=reason)
