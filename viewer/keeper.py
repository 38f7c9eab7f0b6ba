"""What is still to be written of the slides: nothing is forgotten before it is on disk; no Qt."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssmamba.roi import Roi
from ssmamba.slide import SlideInfo
from viewer.session import Basis, Kept, Session, SessionStore, key_of
from viewer.settings import Calibration


@dataclass(frozen=True)
class Keeping:
    """A slide's state as it was when it was handed over."""

    info: SlideInfo
    rois: Sequence[Roi]
    calibration: Calibration
    basis: Basis


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
        self._lock = threading.Lock()  # of _owed
        self._writing = threading.Lock()  # one state at a time, in order

    def owe(self, keeping: Keeping) -> None:
        """Take a state in; it replaces an older one of the same slide."""
        with self._lock:
            self._owed[key_of(keeping.info)] = keeping

    def write(self) -> list[Written]:
        """Write all that is owed; what could not be written is tried again the next time."""
        with self._writing:
            with self._lock:
                owed = list(self._owed.values())
            return [self._write(keeping) for keeping in owed]

    def load(self, info: SlideInfo) -> Session:
        """What is kept of a slide, or what should be kept by now."""
        session = self._store.load(info)
        with self._lock:
            owed = self._owed.get(key_of(info))
        return session if owed is None else _over(session, owed)

    def _write(self, keeping: Keeping) -> Written:
        try:
            kept = self._store.save(keeping.info, keeping.rois, keeping.calibration, keeping.basis)
        except Exception as error:
            return Loss(keeping, error)
        with self._lock:
            key = key_of(keeping.info)
            if self._owed.get(key) is keeping:
                del self._owed[key]
        return keeping, kept


def _over(session: Session, owed: Keeping) -> Session:
    """What the disk would hold if it had taken what is owed."""
    known = owed.basis.ids | {roi.id for roi in owed.rois}
    others = tuple(roi for roi in session.rois if roi.id not in known)
    basis = replace(session.basis, ids=session.basis.ids | known)
    calibration = owed.calibration
    if calibration == owed.basis.calibration:  # not changed here
        calibration = session.calibration
    return replace(session, rois=(*others, *owed.rois), calibration=calibration, basis=basis)
