"""Keeps one document saved, and tells it what other windows have changed. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.saving.contents import (
    OWN,
    REGION,
    SEEN,
    SETTING,
    Contents,
    applied,
    by_key,
    changes,
    without_steps,
)
from viewer.saving.history import STEP
from viewer.saving.save_queue import SaveQueue, Written
from viewer.saving.session import Session
from viewer.state.seen import Seen


@dataclass(frozen=True)
class News:
    """What a document takes in from other windows."""

    rois: Sequence[Roi] = ()  # new or changed
    deleted: frozenset[str] = frozenset()  # region ids
    settings: Contents = field(default_factory=dict)  # by key; None = the default
    seen: Seen | None = None  # of the slide, which joins what was seen here

    def __bool__(self) -> bool:
        return bool(self.rois or self.deleted or self.settings or self.seen)


class Keeper:
    """Compares a document's contents with those that were last queued; on one thread."""

    def __init__(self, queue: SaveQueue) -> None:
        self._queue = queue
        self._info: SlideInfo | None = None
        self._rois: Mapping[str, Roi] | None = None  # that were queued
        self._regions: dict[str, Any] = {}  # by key, as queued or read
        self._others: dict[str, Any] = {}  # the rest of the contents
        self._early: dict[str, Any] = {}  # changes queued before the saved session was there
        self._loaded = False
        self.keeps_steps = False  # not before those of earlier runs were read

    def begin(self, info: SlideInfo) -> None:
        """Another slide is shown, without its saved session at first."""
        self._info, self._rois = info, None
        self._regions, self._others, self._early = {}, {}, {}
        self._loaded = self.keeps_steps = False

    def queue(self, rois: Mapping[str, Roi], others: Contents) -> bool:
        """Queue what has changed in the document; whether there was anything.

        rois: by id; the same object again says that none has changed. others: the rest of the
        contents.
        """
        assert self._info is not None
        news: dict[str, Any] = {}
        if rois is not self._rois:
            regions = by_key(rois)
            news = changes(self._regions, regions)
            self._rois, self._regions = rois, regions
        news.update(changes(self._others, others))
        self._others = dict(others)
        if not news:
            return False
        if not self._loaded:
            self._early.update(news)
        self._queue.add(self._info, news)
        return True

    def take(self, session: Session) -> Session:
        """The saved session as the document has to join it: with what was done there meanwhile.

        Of several windows the first one keeps the steps to undo.
        """
        self.keeps_steps = not session.shared
        if session.shared:
            session = replace(session, contents=without_steps(session.contents))
        if self._early:
            session = replace(session, contents=applied(session.contents, self._early))
        self._rois = None
        self._regions = dict(session.regions)
        kept = (SETTING, STEP)
        self._others = {k: v for k, v in session.others.items() if k.startswith(kept) or k in OWN}
        self._loaded = True
        return session

    def receive(self, written: Written, now: Contents) -> News:
        """What the document has to take in after a save; ``now`` are its contents."""
        if written.info is not self._info or not self._loaded:
            return News()
        self._rois = None
        rois: list[Roi] = []
        deleted: list[str] = []
        settings: dict[str, Any] = {}
        seen: Seen | None = None
        for key, value in written.theirs.items():
            if key.startswith(REGION) and value is None:
                self._regions.pop(key, None)
                deleted.append(key)
            elif key == SEEN and value is not None:
                self._others[key] = seen = value
            elif key.startswith((REGION, SETTING)) and self._is_news(key, written, now):
                if key.startswith(REGION):
                    self._regions[key] = value
                    rois.append(value)
                    continue
                settings[key] = value
                if value is None:
                    self._others.pop(key, None)
                else:
                    self._others[key] = value
        self._queue.acknowledge(written.info, deleted)
        ids = frozenset(key.removeprefix(REGION) for key in deleted if key in now)
        return News(tuple(rois), ids, settings, seen)

    def _is_news(self, key: str, written: Written, now: Contents) -> bool:
        """Whether nothing has been done here to what another window has changed."""
        here = now.get(key)
        kept = self._regions.get(key, self._others.get(key))
        touched = here is not kept and here != kept
        return not touched and not self._queue.changed_since(written.info, key, written.at)
