"""Keeps what the user prefers, and applies it at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QApplication

from viewer.canvas import habits
from viewer.canvas.base import CanvasBase
from viewer.controllers.analysis import AnalysisController
from viewer.controllers.shared import Controller, Shared
from viewer.look import theme
from viewer.saving.preferences import PreferenceStore
from viewer.state.preferences import Preferences
from viewer.tiles import source as tiles

RESTART_DELAY_MS = 800  # a number is typed digit by digit


class PreferencesController(Controller):
    """The language alone waits for the next start."""

    changed = Signal(object)  # Preferences

    def __init__(
        self, shared: Shared, store: PreferenceStore, analysis: AnalysisController
    ) -> None:
        super().__init__(shared)
        self._store = store
        self._analysis = analysis
        self._restart_soon = QTimer(self, singleShot=True, interval=RESTART_DELAY_MS)
        self._restart_soon.timeout.connect(analysis.restart_engine)
        tiles.set_cache_mb(store.now.tile_mb)
        habits.choose(store.now)

    @property
    def now(self) -> Preferences:
        return self._store.now

    def switch(self, name: str) -> None:
        """Turn a field that is on or off."""
        self.set(**{name: not getattr(self.now, name)})

    def set(self, **changes: Any) -> None:
        """Change fields of ``Preferences``. Raises ValueError for what cannot be."""
        before, self._store.now = self.now, replace(self.now, **changes)
        now = self.now
        if now == before:
            return
        self._background.run(self._store.save, due=True)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.choose(app, now.theme)
        tiles.set_cache_mb(now.tile_mb)
        habits.choose(now)
        for widget in QApplication.allWidgets():
            if isinstance(widget, CanvasBase):
                widget.update()
        if (now.device, now.threads) != (before.device, before.threads):
            self._restart_soon.start()
        self.changed.emit(now)
