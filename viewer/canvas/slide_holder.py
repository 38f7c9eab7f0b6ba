"""Which slide a canvas shows: opening, replacing, sharing and closing its tile source."""

from __future__ import annotations

import itertools

from PySide6.QtCore import QObject, Signal

from viewer.tiles.source import TileSource

_clients = itertools.count(1)


class SlideHolder(QObject):
    """Holds the tile source of one canvas; several canvases may hold the same one."""

    opened = Signal(object)  # SlideInfo; ``changed`` came just before
    failed = Signal(str, str)  # message, details
    changed = Signal(object)  # TileSource or None

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.client = next(_clients)
        self.source: TileSource | None = None
        self._pending: TileSource | None = None  # being opened; the old slide stays meanwhile

    def open(self, path: str) -> None:
        """Open in a worker; the slide shown so far stays until then, also when it fails."""
        self._drop_pending()
        source = TileSource(path)
        source.attach(self.client)
        source.opened.connect(self._on_opened)
        source.failed.connect(self._on_failed)
        self._pending = source
        source.open()

    def close(self) -> None:
        self._drop_pending()
        self.take(None)

    def take(self, source: TileSource | None) -> None:
        """Show a source that is open already."""
        old = self.source
        if source is old:
            return
        if source is not None:
            source.attach(self.client)
        self.source = source
        self.changed.emit(source)
        if old is not None:
            old.detach(self.client)

    def _on_opened(self, info: object) -> None:
        source = self._pending
        if source is not None and source.info is info:
            self._pending = None
            self.take(source)
            self.opened.emit(info)

    def _on_failed(self, message: str, details: str) -> None:
        self._drop_pending()
        self.failed.emit(message, details)

    def _drop_pending(self) -> None:
        if self._pending is not None:
            self._pending.opened.disconnect(self._on_opened)
            self._pending.failed.disconnect(self._on_failed)
            self._pending.detach(self.client)
            self._pending = None
