"""Undo and redo of changes to the regions, without Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ssmamba.rois.roi import Roi
from viewer.state.seen import Seen
from viewer.state.settings import ClassList


@dataclass(frozen=True)
class State:
    """One side of a step: regions by id, None = not there."""

    rois: Mapping[str, Roi | None]
    classes: ClassList | None = None  # the palette; None = the step does not concern it
    seen: Seen | None = None  # what was seen of the slide; None = likewise


class KeptStep(Protocol):
    """A step as it is kept over a restart: with the side that it leads to."""

    @property
    def text(self) -> str: ...

    @property
    def undone(self) -> bool: ...

    @property
    def state(self) -> State:
        """What there was before the step, or after it if it was undone. Raises ValueError."""
        ...


@dataclass(frozen=True)
class Side:
    """A side of a step of this run."""

    text: str
    undone: bool
    state: State


@dataclass(frozen=True)
class Change:
    """One step: regions before and after, by id; None = not there."""

    text: str  # "Delete region", as the menu shows it
    before: Mapping[str, Roi | None]
    after: Mapping[str, Roi | None]
    classes: tuple[ClassList, ClassList] | None = None  # the palette before and after
    seen: tuple[Seen, Seen] | None = None  # what was seen of the slide before and after

    def inverse(self) -> Change:
        classes = None if self.classes is None else (self.classes[1], self.classes[0])
        seen = None if self.seen is None else (self.seen[1], self.seen[0])
        return Change(self.text, self.after, self.before, classes, seen)

    @cached_property
    def back(self) -> KeptStep:
        """What is kept of it while it is done; the same object each time."""
        classes, seen = self.classes and self.classes[0], self.seen and self.seen[0]
        return Side(self.text, False, State(self.before, classes, seen))

    @cached_property
    def forth(self) -> KeptStep:
        """What is kept of it while it is undone."""
        classes, seen = self.classes and self.classes[1], self.seen and self.seen[1]
        return Side(self.text, True, State(self.after, classes, seen))


Now = Callable[[State], State]  # what there is of all that a state has


class UndoStack:
    """Steps that can be undone and redone, all of them: regions that did not change are shared."""

    def __init__(self) -> None:
        self._done: list[Change | KeptStep] = []
        self._undone: list[Change | KeptStep] = []  # the next one last
        self._first = 0  # number of the oldest step
        self._joined = False

    def push(self, change: Change) -> None:
        self._done.append(change)
        self._undone.clear()

    def clear(self) -> None:
        self._done.clear()
        self._undone.clear()

    def join(self, first: int, steps: Sequence[KeptStep]) -> None:
        """Put the steps of an earlier run below those of this one, once; first: their number."""
        if self._joined:
            return
        self._joined, self._first = True, first
        if not self._done and not self._undone:
            self._undone = [step for step in reversed(steps) if step.undone]
        self._done = [*(step for step in steps if not step.undone), *self._done]

    def kept(self) -> dict[int, KeptStep]:
        """What is kept of each step, by number, the oldest first."""
        back = (step.back if isinstance(step, Change) else step for step in self._done)
        forth = (s.forth if isinstance(s, Change) else s for s in reversed(self._undone))
        return dict(enumerate((*back, *forth), self._first))

    def take_undo(self, now: Now) -> Change | None:
        """The change that undoes the last step, or None."""
        if not self._done:
            return None
        step = self._done.pop()
        if not isinstance(step, Change):
            try:
                step = _between(step.text, step.state, now).inverse()
            except ValueError:  # damaged: nothing can be undone beyond it
                self._first += len(self._done) + 1
                self._done.clear()
                return None
        self._undone.append(step)
        return step.inverse()

    def take_redo(self, now: Now) -> Change | None:
        if not self._undone:
            return None
        step = self._undone.pop()
        if not isinstance(step, Change):
            try:
                step = _between(step.text, step.state, now)
            except ValueError:
                self._undone.clear()
                return None
        self._done.append(step)
        return step

    @property
    def undo_text(self) -> str:
        """Description of the next step to undo; empty if there is none."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        return self._undone[-1].text if self._undone else ""


def _between(text: str, to: State, now: Now) -> Change:
    """The change that leads from what there is to a state."""
    here = now(to)
    classes = None if to.classes is None or here.classes is None else (here.classes, to.classes)
    seen = None if to.seen is None or here.seen is None else (here.seen, to.seen)
    return Change(text, here.rois, to.rois, classes, seen)
