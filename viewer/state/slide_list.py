"""The slides between which the user switches, in the user's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from viewer.state.events import Event


class SlideList:
    """Absolute paths, each once; some may be those of files that are not there now."""

    def __init__(self) -> None:
        self.changed = Event()
        self._paths: list[str] = []
        self._missing: frozenset[str] = frozenset()

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._paths)

    def is_missing(self, path: str) -> bool:
        """Whether the file was not there when it was last looked for."""
        return path in self._missing

    def add(self, paths: Iterable[str]) -> None:
        """Those that are new come last."""
        self._set([*self._paths, *paths])

    def restore(self, paths: Iterable[str]) -> None:
        """Those of the last start come first, in the order that they had then."""
        self._set([*paths, *self._paths])

    def remove(self, path: str) -> None:
        self._set([p for p in self._paths if p != path])

    def move(self, path: str, to: int) -> None:
        """Put a path at another place; beyond the ends is at the ends."""
        if path in self._paths:
            others = [p for p in self._paths if p != path]
            at = min(max(to, 0), len(others))
            self._set([*others[:at], path, *others[at:]])

    def move_by(self, path: str, by: int) -> None:
        if path in self._paths:
            self.move(path, self._paths.index(path) + by)

    def replace(self, path: str, by: str) -> None:
        """The file is elsewhere now; it keeps its place in the list."""
        others = [by if p == path else p for p in self._paths if p != by or path not in self._paths]
        self._set(others if path in self._paths else [*self._paths, by])

    def note_missing(self, paths: Iterable[str]) -> None:
        """Those of the list that are not there; all others are."""
        found = frozenset(paths)
        if found != self._missing:
            self._missing = found
            self.changed.emit()

    def beside(self, path: str, by: int) -> str | None:
        """The next path (by 1) or the one before (-1) whose file is there, around the ends."""
        at = self._paths.index(path) if path in self._paths else (-1 if by > 0 else 0)
        steps = range(1, len(self._paths) + 1)
        around = (self._paths[(at + by * step) % len(self._paths)] for step in steps)
        return next((p for p in around if p != path and not self.is_missing(p)), None)

    def _set(self, paths: Sequence[str]) -> None:
        new = list(dict.fromkeys(paths))
        if new != self._paths:
            self._paths = new
            self._missing &= frozenset(new)
            self.changed.emit()
