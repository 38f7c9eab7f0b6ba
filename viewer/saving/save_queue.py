"""Slide states waiting to be saved; each stays queued until it is on disk. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.saving.session import Basis, Saved, Session, SessionStore, key_of
from viewer.state.settings import SlideSettings


@dataclass(frozen=True)
class UnsavedState:
    """A slide's regions and settings as they were when they were queued."""

    info: SlideInfo
    rois: Sequence[Roi]
    settings: SlideSettings
    basis: Basis
    whole: bool = True  # False: the document had not yet loaded the saved session

    @property
    def known(self) -> frozenset[str]:
        """Ids of the regions that the document has or had."""
        return self.basis.ids.union(roi.id for roi in self.rois)

    @property
    def settings_changed(self) -> bool:
        """Whether the settings differ from those that the document knows to be on disk."""
        return self.settings != self.basis.settings

    def merged_over(
        self, rois: Sequence[Roi], settings: SlideSettings
    ) -> tuple[tuple[Roi, ...], SlideSettings]:
        """This state merged over an older one that the document had not loaded."""
        known = self.known
        below = tuple(roi for roi in rois if roi.id not in known)
        return (*below, *self.rois), self.settings if self.settings_changed else settings


@dataclass(frozen=True)
class SaveFailure:
    """A state that could not be saved; it stays in the queue."""

    state: UnsavedState
    error: Exception


Outcome = tuple[UnsavedState, Saved] | SaveFailure  # of one save


class SaveQueue:
    """Holds the newest state of each slide until it is written; safe from any thread."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._unsaved: dict[str, UnsavedState] = {}  # by the slide's content
        self._written: dict[str, SlideSettings] = {}  # what this window wrote last, by content
        self._lock = threading.Lock()  # of both
        self._writing = threading.Lock()  # one state at a time, in order

    def add(self, state: UnsavedState) -> None:
        """Replace an older state of the same slide; a partial one is merged into it."""
        key = key_of(state.info)
        with self._lock:
            older = self._unsaved.get(key)
            if older is not None and not state.whole:
                rois, settings = state.merged_over(older.rois, older.settings)
                basis = replace(older.basis, ids=older.known | state.known)
                state = UnsavedState(state.info, rois, settings, basis, older.whole)
            self._unsaved[key] = state

    def write(self) -> list[Outcome]:
        """Write all queued states; one that cannot be written is retried the next time."""
        with self._writing:
            with self._lock:
                unsaved = list(self._unsaved.values())
            return [self._write(state) for state in unsaved]

    def load(self, info: SlideInfo) -> Session:
        """The saved session of a slide, with queued changes on top."""
        session = self._store.load(info)
        key = key_of(info)
        with self._lock:
            unsaved = self._unsaved.get(key)
            if unsaved is None:
                self._written.pop(key, None)  # the session says what the disk has
                return session
            unsaved = self._with_written(unsaved)
        rois, settings = unsaved.merged_over(session.rois, session.settings)
        basis = replace(session.basis, ids=session.basis.ids | unsaved.known)
        return replace(session, rois=rois, settings=settings, basis=basis)

    def _write(self, queued: UnsavedState) -> Outcome:
        with self._lock:
            state = self._with_written(queued)
        try:
            saved = self._store.save(state.info, state.rois, state.settings, state.basis)
        except Exception as error:
            return SaveFailure(state, error)
        key = key_of(state.info)
        with self._lock:
            if state.whole or state.settings_changed:
                self._written[key] = state.settings
            if self._unsaved.get(key) is queued:
                del self._unsaved[key]
        return state, saved

    def _with_written(self, state: UnsavedState) -> UnsavedState:
        """The state, based on the settings that this window wrote last (maybe after queueing)."""
        written = self._written.get(key_of(state.info))
        if written is None or not state.whole:
            return state
        return replace(state, basis=replace(state.basis, settings=written))
