"""What keeps a window's document saved, without the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssmamba.slides.slide import SlideInfo
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.saving.contents import (
    applied,
    by_key,
    contents_of,
    settings_of,
    steps_by_key,
    without_regions,
)
from viewer.saving.history import history_of
from viewer.saving.keeper import Keeper
from viewer.saving.save_queue import Outcome, SaveQueue, Written
from viewer.saving.session import Session, SessionStore
from viewer.state.document import Document


class KeptWindow:
    """A document, and what the session controller does for it."""

    def __init__(self, folder: Path, info: SlideInfo = INFO) -> None:
        self.store = SessionStore(folder)
        self.waiting = SaveQueue(self.store)
        self.document = Document()
        self._keeper = Keeper(self.waiting)
        self.open(info)

    def open(self, info: SlideInfo = INFO) -> Session:
        self.document.set_slide(info)
        self._keeper.begin(info)
        session = self.waiting.load(info)
        joined = self._keeper.take(session)
        self.document.undo_stack.join(*history_of(joined.others))
        self.document.restore(joined.rois, joined.settings)
        self.document.join_seen(joined.seen)
        return session

    def queue(self) -> None:
        """What the save timer does on the window's thread."""
        self._keeper.queue(self.document.rois_by_id, self._others)

    def receive(self, outcomes: Sequence[Outcome]) -> None:
        """What the window's thread does when the worker is done."""
        for outcome in outcomes:
            assert isinstance(outcome, Written), outcome
            news = self._keeper.receive(outcome, self.contents)
            mine = contents_of((), self.document.slide_settings)
            settings = settings_of(applied(mine, news.settings))
            self.document.take_in(news.rois, news.deleted, settings)
            self.document.join_seen(news.seen)

    def save(self) -> None:
        self.queue()
        self.receive(self.waiting.write())

    def look(self) -> None:
        self.receive(self.waiting.look(INFO))

    def close(self) -> None:
        self.save()
        self.waiting.leave()

    @property
    def contents(self) -> dict:
        return {**by_key(self.document.rois_by_id), **self._others}

    @property
    def _others(self) -> dict:
        seen = self.document.seen
        kept = seen if seen is not None and seen.is_any else None
        found = without_regions(self.document.slide_settings, seen=kept)
        if self._keeper.keeps_steps:
            found.update(steps_by_key(self.document.undo_stack))
        return found

    @property
    def shown(self) -> dict[str, str]:
        """Names of the regions, by id."""
        return {roi.id: roi.name for roi in self.document.rois}

    def draw(self, roi_id: str) -> None:
        self.document.add([square(len(roi_id), 0, 5, roi_id, roi_id)])


def on_disk(folder: Path, info: SlideInfo = INFO) -> dict[str, str]:
    """Names of the regions that were saved, by id."""
    return {roi.id: roi.name for roi in SessionStore(folder).load(info).rois}
