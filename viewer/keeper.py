"""What is still to be written of the slides: nothing is forgotten before it is on disk; no Qt."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from ssmamba.roi import Roi
from ssmamba.slide import SlideInfo
from viewer.session import Session, SessionStore, key_of
from viewer.settings import Calibration


@dataclass(frozen=True)
class Keeping:
    """A slide's state as it was when it was handed over."""

    info: SlideInfo
    rois: Sequence[Roi]
    calibration: Calibration


@dataclass(frozen=True)
class Loss:
    """A state that could not be written; it stays owed."""

    keeping: Keeping
    error: Exception


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

    def write(self) -> list[Loss]:
        """Write all that is owed; what could not be written is returned, and tried next time."""
        with self._writing:
            with self._lock:
                owed = list(self._owed.values())
            return [loss for keeping in owed if (loss := self._write(keeping)) is not None]

    def load(self, info: SlideInfo) -> Session:
        """What is kept of a slide, or what should be there by now. Raises RoiError."""
        with self._lock:
            owed = self._owed.get(key_of(info))
        return (
            self._store.load(info) if owed is None else Session(tuple(owed.rois), owed.calibration)
        )

    def _write(self, keeping: Keeping) -> Loss | None:
        try:
            self._store.save(keeping.info, keeping.rois, keeping.calibration)
        except Exception as error:
            return Loss(keeping, error)
        with self._lock:
            key = key_of(keeping.info)
            if self._owed.get(key) is keeping:
                del self._owed[key]
        return None
