"""A least-recently-used cache with a limit in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteLru(Generic[K, V]):
    """Least-recently-used cache with a limit in bytes; safe to use from any thread.

    Pinned entries count towards the limit but are never dropped.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()  # oldest use first
        self._pinned: dict[K, tuple[V, int]] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries) + len(self._pinned)

    def __contains__(self, key: K) -> bool:
        """Whether the key is held; does not count as a use."""
        return key in self._pinned or key in self._entries

    def get(self, key: K) -> V | None:
        with self._lock:
            entry = self._pinned.get(key)
            if entry is None:
                entry = self._entries.get(key)
                if entry is None:
                    return None
                self._entries.move_to_end(key)
            return entry[0]

    def put(
        self, key: K, value: V, size_bytes: int, *, pinned: bool = False, cold: bool = False
    ) -> None:
        """Store a value; the newest one stays even when it alone exceeds the limit.

        A ``cold`` value counts as least recently used: it only takes free space.
        """
        with self._lock:
            pinned = self._remove(key) or pinned
            (self._pinned if pinned else self._entries)[key] = (value, size_bytes)
            self._bytes += size_bytes
            if cold and not pinned:
                self._entries.move_to_end(key, last=False)
            self._shrink(0 if pinned else 1)

    def set_limit(self, limit_bytes: int) -> None:
        """Change the limit; what no longer fits is dropped, least recently used first."""
        with self._lock:
            self._limit = limit_bytes
            self._shrink(1)

    def _shrink(self, least: int) -> None:
        while self._bytes > self._limit and len(self._entries) > least:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._pinned.clear()
            self._bytes = 0

    def drop(self, unwanted: Callable[[K], bool]) -> None:
        """Take out everything whose key is unwanted."""
        with self._lock:
            for key in [key for key in (*self._entries, *self._pinned) if unwanted(key)]:
                self._remove(key)

    def _remove(self, key: K) -> bool:
        """Take a key out; True if it was pinned."""
        was_pinned = key in self._pinned
        old = self._pinned.pop(key, None) or self._entries.pop(key, None)
        if old is not None:
            self._bytes -= old[1]
        return was_pinned
