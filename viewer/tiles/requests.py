"""The queue of tiles to read: the newest view first, visible tiles first."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Sequence

from viewer.tiles.pyramid import TileKey


class RequestQueue:
    """Holds only the latest request of each client (canvas)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._visible: dict[Hashable, list[TileKey]] = {}  # by client, newest client last
        self._ahead: dict[Hashable, list[TileKey]] = {}
        self._wishes: dict[Hashable, set[TileKey]] = {}  # both of the above, as requested
        self._busy: set[TileKey] = set()
        self._closed = False

    def want(
        self, client: Hashable, visible: Sequence[TileKey], ahead: Iterable[TileKey] = ()
    ) -> None:
        """Replace a client's request; each list in the order of need."""
        ahead = list(ahead)
        with self._changed:
            for table, keys in ((self._visible, visible), (self._ahead, ahead)):
                table.pop(client, None)
                table[client] = list(reversed(keys))  # the first tile is popped first
            self._wishes[client] = {*visible, *ahead}
            self._changed.notify_all()

    def forget(self, client: Hashable) -> None:
        with self._changed:
            self._visible.pop(client, None)
            self._ahead.pop(client, None)
            self._wishes.pop(client, None)

    def wanted(self, key: TileKey) -> bool:
        """Whether the latest request of any client contains the tile."""
        with self._changed:
            return any(key in keys for keys in self._wishes.values())

    def take(self) -> TileKey | None:
        """Wait for the next tile to read; None once the queue is closed."""
        with self._changed:
            while not self._closed:
                key = self._next()
                if key is not None:
                    self._busy.add(key)
                    return key
                self._changed.wait()
            return None

    def _next(self) -> TileKey | None:
        for table in (self._visible, self._ahead):
            for keys in reversed(table.values()):
                # busy tiles stay in the list: their reader may be about to give them up
                for index in range(len(keys) - 1, -1, -1):
                    if keys[index] not in self._busy:
                        return keys.pop(index)
        return None

    def done(self, key: TileKey) -> None:
        """Report that a taken tile was read, failed or was given up."""
        with self._changed:
            self._busy.discard(key)
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._visible.clear()
            self._ahead.clear()
            self._wishes.clear()
            self._changed.notify_all()
