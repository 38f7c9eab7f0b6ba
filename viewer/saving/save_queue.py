"""Changes waiting to be saved; each stays queued until it is on disk. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from ssmamba.slides.slide import SlideInfo
from viewer.saving.contents import REGION, Contents, applied, encoded
from viewer.saving.session import Session, SessionStore
from viewer.saving.slide_key import key_of


@dataclass(frozen=True)
class Written:
    """After a save: what other windows have changed meanwhile."""

    info: SlideInfo
    theirs: Contents  # values by key; None = gone
    at: int  # number of the last change that was queued before


@dataclass(frozen=True)
class SaveFailure:
    """Changes that could not be saved; they stay in the queue."""

    info: SlideInfo
    error: Exception


Outcome = Written | SaveFailure  # of one save


@dataclass
class _Waiting:
    """What one slide has to save."""

    info: SlideInfo
    news: dict[str, Any] = field(default_factory=dict)  # the newest change of each key
    numbers: dict[str, int] = field(default_factory=dict)  # of the last change of each key
    deleted: set[str] = field(default_factory=set)  # by others; the document still has them


class SaveQueue:
    """Holds the newest change of each key until it is written; safe from any thread."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._slides: dict[str, _Waiting] = {}  # by the slide's content
        self._count = 0  # of changes queued
        self._lock = threading.Lock()  # of these
        self._writing = threading.Lock()  # one at a time, in order

    def add(self, info: SlideInfo, news: Contents) -> None:
        """Queue changes (values by key, None = gone).

        A change to a region that another window has deleted is dropped until the document has been
        told (``acknowledge``): a deletion is final, unless it is undone.
        """
        with self._lock:
            waiting = self._slides.setdefault(key_of(info), _Waiting(info))
            if waiting.deleted:
                gone = waiting.deleted
                news = {k: v for k, v in news.items() if v is None or k not in gone}
            waiting.news.update(news)
            waiting.numbers.update(zip(news, count(self._count + 1), strict=False))
            self._count += len(news)

    def acknowledge(self, info: SlideInfo, deleted: Iterable[str]) -> None:
        """The document no longer has these regions."""
        with self._lock:
            waiting = self._slides.get(key_of(info))
            if waiting is not None:
                waiting.deleted.difference_update(deleted)

    def changed_since(self, info: SlideInfo, key: str, at: int) -> bool:
        """Whether a change of this key was queued after the change number ``at``."""
        with self._lock:
            waiting = self._slides.get(key_of(info))
            return waiting is not None and waiting.numbers.get(key, 0) > at

    def write(self) -> list[Outcome]:
        """Write all queued changes; those that cannot be written are retried the next time."""
        with self._writing:
            with self._lock:
                waiting = [slide for slide in self._slides.values() if slide.news]
            return [self._write(slide) for slide in waiting]

    def look(self, info: SlideInfo) -> list[Outcome]:
        """Read what other windows have changed."""
        with self._writing:
            with self._lock:
                slide = self._slides.setdefault(key_of(info), _Waiting(info))
                at = self._count
            theirs = self._store.news(info)
            return [self._received(slide, theirs, at)] if theirs else []

    def load(self, info: SlideInfo) -> Session:
        """The saved session of a slide, with queued changes on top."""
        with self._writing:
            session = self._store.load(info)
            with self._lock:
                waiting = self._slides.get(key_of(info))
                if waiting is None:
                    return session
                waiting.deleted.clear()
                for key in session.deleted:
                    if waiting.news.get(key) is not None:
                        del waiting.news[key]
                return replace(session, contents=applied(session.contents, waiting.news))

    def records(self, info: SlideInfo) -> Mapping[str, bytes]:
        """What is kept of a slide, also what waits to be written: JSON by key. Raises OSError."""
        with self._writing:
            found = dict(self._store.records(info))
            with self._lock:
                waiting = self._slides.get(key_of(info))
                news = {} if waiting is None else dict(waiting.news)
            for key, value in news.items():
                if value is None:
                    found.pop(key, None)
                else:
                    found[key] = encoded(value)
            return found

    def leave(self) -> None:
        """The window no longer shows a slide."""
        with self._writing:
            self._store.leave()

    def _write(self, slide: _Waiting) -> Outcome:
        with self._lock:
            news, at = dict(slide.news), self._count
        try:
            theirs, lost = self._store.write(slide.info, news)
        except Exception as error:
            return SaveFailure(slide.info, error)
        with self._lock:
            for key, value in news.items():
                if slide.news.get(key, self) is value or key in lost:
                    slide.news.pop(key, None)
        return self._received(slide, theirs, at)

    def _received(self, slide: _Waiting, theirs: Contents, at: int) -> Written:
        """Deletions by others win over what waits here; other changes lose against it."""
        gone = {key for key, value in theirs.items() if value is None and key.startswith(REGION)}
        with self._lock:
            slide.deleted |= gone
            for key in gone:
                if slide.news.get(key) is not None:
                    del slide.news[key]
            kept = {k: v for k, v in theirs.items() if k in gone or k not in slide.news}
        return Written(slide.info, kept, at)
