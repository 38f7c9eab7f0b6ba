"""The slide of a canvas: opens, replaces, shares and closes its tile source."""

from __future__ import annotations

import itertools
import weakref

from PySide6.QtCore import QObject, Signal

from viewer.tiles.source import TileSource

_clients = itertools.count(1)


class _Held:
    """The sources that one canvas is a client of; no QObject, so it outlives the widget."""

    def __init__(self) -> None:
        self.client = next(_clients)
        self.source: TileSource | None = None
        self.pending: TileSource | None = None  # being opened; the old slide stays until then

    def release(self) -> None:
        """Release both; a source without clients closes its slide."""
        for source in (self.pending, self.source):
            if source is not None:
                source.detach(self.client)
        self.pending = self.source = None


class SlideHolder(QObject):
    """Holds the tile source of one canvas; several canvases may hold the same one."""

    opened = Signal(object)  # SlideInfo; ``changed`` came just before
    failed = Signal(str, str)  # message, details
    changed = Signal(object)  # TileSource or None

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._held = _Held()
        # For both ends of the canvas: destroyed by Qt, or collected by Python, which emits no
        # signal. A slot of this object would no longer exist by then.
        parent.destroyed.connect(self._held.release)
        weakref.finalize(parent, self._held.release)

    @property
    def client(self) -> int:
        return self._held.client

    @property
    def source(self) -> TileSource | None:
        return self._held.source

    def open(self, path: str) -> None:
        """Open in a worker; the current slide stays until then, or if that fails."""
        self.stop_opening()
        source = TileSource(path)
        source.attach(self.client)
        source.opened.connect(self._on_opened)
        source.failed.connect(self._on_failed)
        self._held.pending = source
        source.open()

    def take(self, source: TileSource | None) -> None:
        """Show a source that is already open."""
        old = self._held.source
        if source is old:
            return
        if source is not None:
            source.attach(self.client)
        self._held.source = source
        self.changed.emit(source)
        if old is not None:
            old.detach(self.client)

    def _on_opened(self, info: object) -> None:
        source = self._held.pending
        if source is not None and source.info is info:
            self._held.pending = None
            self.take(source)
            self.opened.emit(info)

    def _on_failed(self, message: str, details: str) -> None:
        source = self._held.pending
        if source is None or source.failure != message:  # of an earlier, cancelled one
            return
        self.stop_opening()
        self.failed.emit(message, details)

    def stop_opening(self) -> None:
        """Forget the slide that is being opened."""
        pending = self._held.pending
        if pending is not None:
            pending.opened.disconnect(self._on_opened)
            pending.failed.disconnect(self._on_failed)
            pending.detach(self.client)
            self._held.pending = None
