"""Undo and redo of changes to the regions, without Qt."""

from __future__ import annotations

from dataclasses import dataclass

from ssmamba.rois.roi import Roi
from viewer.state.seen import Seen
from viewer.state.settings import ClassList


@dataclass(frozen=True)
class Change:
    """One step: regions before and after, by id; None = not there."""

    text: str  # "Delete region", as the menu shows it
    before: dict[str, Roi | None]
    after: dict[str, Roi | None]
    classes: tuple[ClassList, ClassList] | None = None  # the palette before and after
    seen: tuple[Seen, Seen] | None = None  # what was seen of the slide before and after

    def inverse(self) -> Change:
        classes = None if self.classes is None else (self.classes[1], self.classes[0])
        seen = None if self.seen is None else (self.seen[1], self.seen[0])
        return Change(self.text, self.after, self.before, classes, seen)


class UndoStack:
    """Steps that can be undone and redone, all of them: regions that did not change are shared."""

    def __init__(self) -> None:
        self._done: list[Change] = []
        self._undone: list[Change] = []

    def push(self, change: Change) -> None:
        self._done.append(change)
        self._undone.clear()

    def clear(self) -> None:
        self._done.clear()
        self._undone.clear()

    def take_undo(self) -> Change | None:
        """The change that undoes the last step, or None."""
        if not self._done:
            return None
        change = self._done.pop()
        self._undone.append(change)
        return change.inverse()

    def take_redo(self) -> Change | None:
        if not self._undone:
            return None
        change = self._undone.pop()
        self._done.append(change)
        return change

    @property
    def undo_text(self) -> str:
        """Description of the next step to undo; empty if there is none."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        return self._undone[-1].text if self._undone else ""
