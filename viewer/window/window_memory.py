"""Restores the window's position and the layout of its panels."""

from __future__ import annotations

import base64
import contextlib
import zlib
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize
from PySide6.QtWidgets import QMainWindow

from ssmamba.files import read_json, write_json

FRAME = QSize(16, 48)  # room for the window frame, whose size is unknown before it is shown
VERSION = 2  # of the panels; a layout of other panels is not restored


class WindowMemory(QObject):
    """Restores a window at once and saves its layout when it is closed."""

    def __init__(self, window: QMainWindow, file: Path) -> None:
        super().__init__(window)
        self._window = window
        self._file = file
        if not self._restore():
            self._fit_screen()
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window and event.type() == QEvent.Type.Close:
            self._save()
        return super().eventFilter(watched, event)

    def _restore(self) -> bool:
        try:
            kept = read_json(self._file)
            geometry, state = (base64.b64decode(kept[name]) for name in ("geometry", "state"))
            whole = kept["check"] == _check(geometry, state)
        except (ValueError, KeyError, TypeError):
            return False
        if not whole:  # Qt is not made for damaged values
            return False
        restored = self._window.restoreGeometry(QByteArray(geometry))
        return self._window.restoreState(QByteArray(state), VERSION) and restored

    def _save(self) -> None:
        geometry = bytes(self._window.saveGeometry().data())
        state = bytes(self._window.saveState(VERSION).data())
        kept = {
            "geometry": base64.b64encode(geometry).decode(),
            "state": base64.b64encode(state).decode(),
            "check": _check(geometry, state),
        }
        with contextlib.suppress(OSError):  # a full disk must not keep the window open
            write_json(self._file, kept)

    def _fit_screen(self) -> None:
        """On first use: the default size, but no larger than the screen."""
        room = self._window.screen().availableGeometry().size() - FRAME
        self._window.resize(self._window.size().boundedTo(room))


def _check(geometry: bytes, state: bytes) -> int:
    return zlib.crc32(state, zlib.crc32(geometry))
