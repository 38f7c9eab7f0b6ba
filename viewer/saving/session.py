"""What is kept of each slide, saved with the user's data, never beside the slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ssmamba.errors import RoiError
from ssmamba.files import short_name
from ssmamba.locks import FileLock
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.saving.answers import KeptAnswer, KeptSlideAnswer, too_many
from viewer.saving.contents import (
    FILE_MPP,
    REGION,
    SEEN,
    SELECTED,
    SETTING,
    Contents,
    answers_of,
    applied,
    encoded,
    measured,
    read_all,
    regions_of,
    seen_of,
    settings_of,
    slide_answer_of,
    view_of,
    with_scale_of_file,
    without_old_scale,
)
from viewer.saving.history import too_far
from viewer.saving.journal import Journal
from viewer.saving.legacy import Legacy, read_legacy
from viewer.saving.slide_key import key_of
from viewer.saving.turns import in_turns
from viewer.state.seen import Seen
from viewer.state.settings import SlideSettings
from viewer.text.tr import tr

TAKEN_OVER = "taken-over"  # key of the note that an earlier version's session has been read
Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class Session:
    """The saved state of a slide."""

    contents: Contents = field(default_factory=dict)
    warning: str = ""  # one sentence about what could not be read
    details: str = ""
    shared: bool = False  # another window has the slide open
    deleted: frozenset[str] = frozenset()  # keys of regions that others deleted since the last load
    saved_at: float | None = None  # of the last change, seconds since 1970

    @cached_property
    def regions(self) -> Contents:
        """The contents that are regions."""
        return {key: value for key, value in self.contents.items() if key.startswith(REGION)}

    @cached_property
    def others(self) -> Contents:
        """The rest of the contents."""
        return {key: value for key, value in self.contents.items() if not key.startswith(REGION)}

    @property
    def rois(self) -> tuple[Roi, ...]:
        """In the order in which they were added."""
        return tuple(self.regions.values())

    @property
    def settings(self) -> SlideSettings:
        return settings_of(self.others)

    @property
    def answers(self) -> tuple[KeptAnswer, ...]:
        return answers_of(self.others)

    @property
    def slide_answer(self) -> KeptSlideAnswer | None:
        return slide_answer_of(self.others)

    @property
    def view(self) -> tuple[float, float, float] | None:
        """Centre (x, y), level-0 pixels, and level-0 pixels per device pixel; None = all of it."""
        return view_of(self.others)

    @property
    def seen(self) -> Seen | None:
        """Which parts of the slide were seen."""
        return seen_of(self.others)

    @property
    def selected(self) -> str | None:
        """Id of the selected region."""
        found = self.others.get(SELECTED)
        return found if isinstance(found, str) else None


class SessionStore:
    """One folder with a journal for each slide, named by its content, so a moved slide is found.

    Places are level-0 pixels, without QuPath's bounds offset. A store belongs to one window;
    several may use one folder at the same time. Not safe from several threads.
    """

    def __init__(self, folder: Path, reader: str = "") -> None:
        """reader: who reads; each has sessions of their own. "" = the first one."""
        self.folder = folder
        self.reader = reader
        self._journals: dict[str, Journal] = {}
        self._stamps: dict[str, Stamp] = {}  # of the journals when they were last read
        self._presence: tuple[str, FileLock] | None = None  # that the slide is open here

    # --- whether another window has the slide open
    def enter(self, info: SlideInfo) -> bool:
        """Say that this window shows the slide, and no other; False if another window does, too."""
        key = key_of(info)
        if self._presence is not None and self._presence[0] == key:
            return True
        self.leave()
        lock = FileLock(self.folder / f"{self.name_of(info)}.window")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            alone = lock.take()
        except OSError:
            return True  # unknown; writing reports the folder
        if alone:
            self._presence = (key, lock)
        return alone

    def name_of(self, info: SlideInfo) -> str:
        """Name of a slide's files, by its content, and of the reader."""
        who = f".reader-{short_name(quote(self.reader, safe=''))}" if self.reader else ""
        return f"{key_of(info)}{who}"

    def leave(self) -> None:
        if self._presence is not None:
            self._presence[1].free()
            self._presence = None

    # --- reading
    def load(self, info: SlideInfo) -> Session:
        """The saved session of a slide; empty when there is none. Raises OSError.

        A damaged file is copied, and what can be read of it is taken.
        """
        journal = self._journals.setdefault(key_of(info), Journal(self.folder, self.name_of(info)))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return Session()  # nothing is there; writing will say why
        stamp = journal.stamp()  # before it is read, which may fold it
        deleted, legacy = self._read(info, journal)
        self._note(info, journal)
        contents, odd = read_all(journal.live)
        contents.pop(TAKEN_OVER, None)
        if TAKEN_OVER not in journal.live:
            contents = applied(legacy.contents, contents)
        measured(regions_of(contents))
        checked = without_old_scale(contents, info.mpp)
        warning, details = _report(info, journal, legacy, odd)
        if checked is not contents:
            warning = f"{warning} {_scale_changed(info, contents)}".strip()
        saved_at = None if stamp is None else stamp[0] / 1e9
        return Session(checked, warning, details, not self.enter(info), deleted, saved_at)

    def _read(self, info: SlideInfo, journal: Journal) -> tuple[frozenset[str], Legacy]:
        """Read a journal; what others deleted since it was last read, and an older session."""
        try:
            with journal.locked():
                deleted = _deleted(journal.sync())
                legacy = self._taken_over(info, journal)
                if journal.damage or journal.newer:
                    journal.fold()  # the copies keep the damage
                return deleted, legacy
        except OSError:  # a folder that cannot be written may still be read
            deleted = _deleted(journal.sync())
            known = TAKEN_OVER in journal.live or self.reader
            return deleted, Legacy() if known else read_legacy(self.folder, info)

    def _taken_over(self, info: SlideInfo, journal: Journal) -> Legacy:
        """Take the session of an earlier version into the journal, once."""
        if TAKEN_OVER in journal.live or self.reader:
            return Legacy()
        legacy = read_legacy(self.folder, info)
        if legacy.contents and not legacy.unread:
            whole = with_scale_of_file(legacy.contents, info.mpp)
            old = {k: encoded(v) for k, v in whole.items() if k not in journal.live}
            journal.append({**old, TAKEN_OVER: b"true"})
        return legacy

    # --- writing
    def write(self, info: SlideInfo, news: Contents) -> tuple[Contents, frozenset[str]]:
        """Put changes on disk (values by key, None = gone).

        Returns what other windows have changed since this store last read, and the keys of changes
        that were not made because another window had deleted the region. Raises RoiError.
        """
        journal = self._journals.setdefault(key_of(info), Journal(self.folder, self.name_of(info)))
        try:
            with journal.locked():
                theirs = journal.sync()
                lost = frozenset(key for key in _deleted(theirs) if news.get(key) is not None)
                ours = {key: value for key, value in news.items() if key not in lost}
                journal.append(_written(_with_seen(ours, theirs), journal.live))
                journal.append(dict.fromkeys([*too_many(journal.live), *too_far(journal.live)]))
                self._note(info, journal)
        except OSError as error:
            raise RoiError(
                tr("Could not save regions in {folder} ({reason}). Export them instead.").format(
                    folder=self.folder, reason=error.strerror or error
                )
            ) from error
        return _incoming(theirs, ours), lost

    def news(self, info: SlideInfo) -> Contents:
        """What other windows have changed since this store last read. Raises RoiError."""
        journal = self._journals.get(key_of(info))
        if journal is None or self._stamps.get(key_of(info)) == journal.stamp():
            return {}
        return self.write(info, {})[0]

    def records(self, info: SlideInfo) -> Mapping[str, bytes]:
        """What is on disk for a slide: JSON by key. Raises OSError."""
        journal = self._journals.setdefault(key_of(info), Journal(self.folder, self.name_of(info)))
        with journal.locked():
            journal.sync()
        return journal.live

    def _note(self, info: SlideInfo, journal: Journal) -> None:
        self._stamps[key_of(info)] = journal.stamp()


def _scale_changed(info: SlideInfo, contents: Contents) -> str:
    text = tr(
        "The file of {name} now says {now}, not {then} as when you set {own}; your scale is not "
        "used. Set it again under Slide ▸ Calibration if it is right."
    )
    then, now = contents[FILE_MPP][0], info.mpp
    return text.format(
        name=info.name, now=_scale(now), then=_scale(then), own=_scale(contents[SETTING + "mpp"])
    )


def _scale(mpp: float | None) -> str:
    return tr("no scale") if mpp is None else tr("{mpp:.4g} µm/px").format(mpp=mpp)


def _deleted(theirs: Mapping[str, bytes | None]) -> frozenset[str]:
    return frozenset(k for k, data in theirs.items() if data is None and k.startswith(REGION))


def _with_seen(ours: Contents, theirs: Mapping[str, bytes | None]) -> Contents:
    """Our changes; what was seen joins what another window has put on disk meanwhile."""
    mine, there = seen_of(ours), theirs.get(SEEN)
    if mine is None or there is None:
        return ours
    other = seen_of(read_all({SEEN: there})[0])
    return ours if other is None or not mine.fits(other) else {**ours, SEEN: mine.joined(other)}


def _written(news: Contents, live: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """The records of changes, without those that change nothing."""
    found = {k: None if value is None else encoded(value) for k, value in in_turns(news.items())}
    return {key: data for key, data in found.items() if data != live.get(key)}


def _incoming(theirs: Mapping[str, bytes | None], ours: Contents) -> Contents:
    """The changes of others that ours have not overwritten."""
    joined = ours.keys() - {SEEN}
    rest = {key: data for key, data in theirs.items() if key not in joined and key != TAKEN_OVER}
    found: dict[str, Any] = {key: None for key, data in rest.items() if data is None}
    read, _ = read_all({key: data for key, data in rest.items() if data is not None})
    measured(regions_of(read))
    return {**read, **found}


def _report(info: SlideInfo, journal: Journal, legacy: Legacy, odd: list[str]) -> tuple[str, str]:
    """Sentences for the user about what could not be read, and details."""
    sentences, details = list(legacy.warnings), list(legacy.details)
    if journal.unread:
        text = tr(
            "Could not read all of what was saved for {name} ({reason}); the file was left "
            "unchanged, and changes are saved beside it. Open the slide again to retry."
        )
        sentences.append(text.format(name=info.name, reason=journal.unread))
    if journal.damage or odd:
        text = tr("Part of what was saved for {name} is damaged and could not be read.")
        sentences.append(text.format(name=info.name))
        details += odd
    if journal.damage:
        text = tr("The damaged file was copied to {path}.")
        sentences.append(text.format(path=", ".join(journal.damage)))
    if journal.newer:
        text = tr(
            "A newer version of this program has saved {name}; what this version does not know is "
            "not shown. A copy of the file is {path}; update this program to see all of it."
        )
        sentences.append(text.format(name=info.name, path=", ".join(journal.newer)))
    return " ".join(sentences), "\n".join(details)
