"""What is still to be written of the slides: nothing is forgotten before it is on disk; no Qt."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.saving.session import Basis, Kept, Session, SessionStore, key_of
from viewer.state.settings import Calibration


@dataclass(frozen=True)
class Keeping:
    """A slide's state as it was when it was handed over."""

    info: SlideInfo
    rois: Sequence[Roi]
    calibration: Calibration
    basis: Basis
    whole: bool = True  # False: the document did not have yet what was kept

    @property
    def known(self) -> frozenset[str]:
        """Ids of the regions that the document has or had."""
        return self.basis.ids.union(roi.id for roi in self.rois)

    @property
    def calibrated(self) -> bool:
        """Whether the calibration is another one than the document knows of the disk."""
        return self.calibration != self.basis.calibration

    def above(
        self, rois: Sequence[Roi], calibration: Calibration
    ) -> tuple[tuple[Roi, ...], Calibration]:
        """This state joined to an older one that the document did not know."""
        known = self.known
        below = tuple(roi for roi in rois if roi.id not in known)
        return (*below, *self.rois), self.calibration if self.calibrated else calibration


@dataclass(frozen=True)
class Loss:
    """A state that could not be written; it stays owed."""

    keeping: Keeping
    error: Exception


Written = tuple[Keeping, Kept] | Loss  # what became of a state


class Keeper:
    """Owes the disk the newest state of each slide until it is written, from whichever thread."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._owed: dict[str, Keeping] = {}  # by the slide's content
        self._written: dict[str, Calibration] = {}  # what this window wrote last, by content
        self._lock = threading.Lock()  # of both
        self._writing = threading.Lock()  # one state at a time, in order

    def owe(self, keeping: Keeping) -> None:
        """Take a state in; it replaces an older one of the same slide, or joins it if not whole."""
        key = key_of(keeping.info)
        with self._lock:
            older = self._owed.get(key)
            if older is not None and not keeping.whole:
                rois, calibration = keeping.above(older.rois, older.calibration)
                basis = replace(older.basis, ids=older.known | keeping.known)
                keeping = Keeping(keeping.info, rois, calibration, basis, older.whole)
            self._owed[key] = keeping

    def write(self) -> list[Written]:
        """Write all that is owed; what could not be written is tried again the next time."""
        with self._writing:
            with self._lock:
                owed = list(self._owed.values())
            return [self._write(keeping) for keeping in owed]

    def load(self, info: SlideInfo) -> Session:
        """What is kept of a slide, or what should be kept by now."""
        session = self._store.load(info)
        key = key_of(info)
        with self._lock:
            owed = self._owed.get(key)
            if owed is None:
                self._written.pop(key, None)  # the session says what the disk has
                return session
            owed = self._with_written(owed)
        rois, calibration = owed.above(session.rois, session.calibration)
        basis = replace(session.basis, ids=session.basis.ids | owed.known)
        return replace(session, rois=rois, calibration=calibration, basis=basis)

    def _write(self, owed: Keeping) -> Written:
        with self._lock:
            keeping = self._with_written(owed)
        try:
            kept = self._store.save(keeping.info, keeping.rois, keeping.calibration, keeping.basis)
        except Exception as error:
            return Loss(keeping, error)
        key = key_of(keeping.info)
        with self._lock:
            if keeping.whole or keeping.calibrated:
                self._written[key] = keeping.calibration
            if self._owed.get(key) is owed:
                del self._owed[key]
        return keeping, kept

    def _with_written(self, keeping: Keeping) -> Keeping:
        """A state with the calibration that the disk has from us; it may have been handed over
        before that was written."""
        written = self._written.get(key_of(keeping.info))
        if written is None or not keeping.whole:
            return keeping
        return replace(keeping, basis=replace(keeping.basis, calibration=written))
